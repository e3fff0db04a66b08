// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// maxWeight of a priority or extender: a plugin's weight is an int32, and the sums of
// several must be one too.
const maxWeight = math.MaxInt32 / 1000

// decode reads a Policy in JSON or YAML. The error names every field that is unknown,
// given twice, or out of range.
func decode(data []byte) (*policy, error) {
	// JSON stays as it is: as YAML it could not be indented with tabs.
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		var err error
		if data, err = onlyDocument(data); err != nil {
			return nil, err
		}
	}
	p := &policy{}
	strict, err := json.UnmarshalStrict(data, p)
	if err != nil {
		return nil, err
	}
	// The kind first: fields of something else are unknown for another reason.
	if err := p.validateKind().ToAggregate(); err != nil {
		return nil, err
	}
	if len(strict) > 0 {
		return nil, errors.Join(strict...)
	}
	return p, p.validate().ToAggregate()
}

// onlyDocument returns the YAML's one document as JSON.
func onlyDocument(data []byte) ([]byte, error) {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	var only []byte
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			if only == nil {
				return nil, errors.New("the policy is empty")
			}
			return only, nil
		}
		if err != nil {
			return nil, err
		}
		asJSON, err := yaml.YAMLToJSONStrict(document)
		if err != nil {
			return nil, err
		}
		switch {
		case string(asJSON) == "null": // Comments only.
		case only != nil:
			return nil, errors.New("a policy is one document; there is a second one behind ---")
		default:
			only = asJSON
		}
	}
}

func (p *policy) validateKind() field.ErrorList {
	var errs field.ErrorList
	if p.Kind != "Policy" {
		errs = append(errs, field.NotSupported(field.NewPath("kind"), p.Kind, []string{"Policy"}))
	}
	if p.APIVersion != "v1" && p.APIVersion != "kubescheduler.config.k8s.io/v1" {
		errs = append(errs, field.NotSupported(field.NewPath("apiVersion"), p.APIVersion, []string{"v1", "kubescheduler.config.k8s.io/v1"}))
	}
	return errs
}

func (p *policy) validate() field.ErrorList {
	var errs field.ErrorList
	names := sets.New[string]()
	for i := range p.Predicates {
		errs = append(errs, p.Predicates[i].validate(field.NewPath("predicates").Index(i), names)...)
	}
	errs = append(errs, p.validatePriorities()...)
	managed, binder := sets.New[string](), false
	for i := range p.Extenders {
		path := field.NewPath("extenders").Index(i)
		errs = append(errs, p.Extenders[i].validate(path, managed)...)
		if p.Extenders[i].BindVerb != "" {
			if binder {
				errs = append(errs, field.Forbidden(path.Child("bindVerb"), "only one extender may bind"))
			}
			binder = true
		}
	}
	if w := p.HardPodAffinitySymmetricWeight; w < 0 || w > 100 {
		errs = append(errs, field.Invalid(field.NewPath("hardPodAffinitySymmetricWeight"), w, "not in valid range [0-100]"))
	}
	return errs
}

func (p *predicate) validate(path *field.Path, names sets.Set[string]) field.ErrorList {
	errs := validateName(path.Child("name"), p.Name, names)
	known := knownPredicates[p.Name] != nil
	arg := path.Child("argument")
	switch {
	case p.Argument == nil || p.Argument.ServiceAffinity == nil && p.Argument.LabelsPresence == nil:
		if !known && p.Name != "" {
			errs = append(errs, field.Invalid(path.Child("name"), p.Name, "there was no such predicate, and it has no argument that makes it one"))
		}
	case known:
		errs = append(errs, field.Forbidden(arg, p.Name+" takes none; a predicate of your own needs a name of its own"))
	case p.Argument.ServiceAffinity != nil && p.Argument.LabelsPresence != nil:
		errs = append(errs, field.Forbidden(arg, "only one of serviceAffinity and labelsPresence"))
	case p.Argument.ServiceAffinity != nil:
		errs = append(errs, validateLabels(arg.Child("serviceAffinity", "labels"), p.Argument.ServiceAffinity.Labels)...)
	default:
		errs = append(errs, validateLabels(arg.Child("labelsPresence", "labels"), p.Argument.LabelsPresence.Labels)...)
	}
	return errs
}

func (p *policy) validatePriorities() field.ErrorList {
	var errs field.ErrorList
	names := sets.New[string]()
	// Of each kind with an argument: the weight of the first, and the labels.
	weights := map[string]int64{}
	labels := sets.New[string]()
	for i := range p.Priorities {
		pr, path := &p.Priorities[i], field.NewPath("priorities").Index(i)
		errs = append(errs, validateName(path.Child("name"), pr.Name, names)...)
		if pr.Weight < 1 || pr.Weight > maxWeight {
			errs = append(errs, field.Invalid(path.Child("weight"), pr.Weight, fmt.Sprintf("not in valid range [1-%d]", maxWeight)))
		}
		kind, kinds := pr.kind()
		arg := path.Child("argument")
		switch {
		case kinds == 0:
			if knownPriorities[pr.Name] == nil && pr.Name != "" {
				errs = append(errs, field.Invalid(path.Child("name"), pr.Name, "there was no such priority, and it has no argument that makes it one"))
			}
			continue
		case knownPriorities[pr.Name] != nil:
			errs = append(errs, field.Forbidden(arg, pr.Name+" takes none; a priority of your own needs a name of its own"))
			continue
		case kinds > 1:
			errs = append(errs, field.Forbidden(arg, "only one of serviceAntiAffinity, labelPreference and requestedToCapacityRatioArguments"))
			continue
		}
		first, seen := weights[kind]
		switch {
		case !seen:
			weights[kind] = pr.Weight
		case kind == ratioKind:
			errs = append(errs, field.Forbidden(arg.Child(kind), "only one priority may have it"))
		case first != pr.Weight:
			errs = append(errs, field.Invalid(path.Child("weight"), pr.Weight, fmt.Sprintf("all priorities with %s must have one weight, and another has %d", kind, first)))
		}
		if kind == ratioKind {
			errs = append(errs, pr.Argument.RequestedToCapacityRatioArguments.validate(arg.Child(kind))...)
			continue
		}
		label, at := pr.label(), arg.Child(kind, "label")
		if invalid := metav1validation.ValidateLabelName(label, at); len(invalid) > 0 {
			errs = append(errs, invalid...)
		} else if labels.Has(kind + " " + label) {
			errs = append(errs, field.Duplicate(at, label))
		}
		labels.Insert(kind + " " + label)
	}
	return errs
}

const (
	antiKind       = "serviceAntiAffinity"
	preferenceKind = "labelPreference"
	ratioKind      = "requestedToCapacityRatioArguments"
)

// kind is the argument's, and kinds how many there are.
func (p *priority) kind() (kind string, kinds int) {
	if p.Argument == nil {
		return "", 0
	}
	if p.Argument.ServiceAntiAffinity != nil {
		kind, kinds = antiKind, kinds+1
	}
	if p.Argument.LabelPreference != nil {
		kind, kinds = preferenceKind, kinds+1
	}
	if p.Argument.RequestedToCapacityRatioArguments != nil {
		kind, kinds = ratioKind, kinds+1
	}
	return kind, kinds
}

func (p *priority) label() string {
	if p.Argument.ServiceAntiAffinity != nil {
		return p.Argument.ServiceAntiAffinity.Label
	}
	return p.Argument.LabelPreference.Label
}

func (r *requestedToRatio) validate(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(r.Shape) == 0 {
		errs = append(errs, field.Required(path.Child("shape"), "at least one point"))
	}
	for i, point := range r.Shape {
		at := path.Child("shape").Index(i)
		if point.Utilization < 0 || point.Utilization > 100 {
			errs = append(errs, field.Invalid(at.Child("utilization"), point.Utilization, "not in valid range [0-100]"))
		}
		if i > 0 && point.Utilization <= r.Shape[i-1].Utilization {
			errs = append(errs, field.Invalid(at.Child("utilization"), point.Utilization, "must be more than the point before has"))
		}
		if point.Score < 0 || point.Score > 10 {
			errs = append(errs, field.Invalid(at.Child("score"), point.Score, "not in valid range [0-10]"))
		}
	}
	names := sets.New[string]()
	for i, r := range r.Resources {
		at := path.Child("resources").Index(i)
		errs = append(errs, validateName(at.Child("name"), r.Name, names)...)
		if r.Weight < 0 || r.Weight > 100 {
			errs = append(errs, field.Invalid(at.Child("weight"), r.Weight, "not in valid range [0-100]"))
		}
	}
	return errs
}

func (e *extender) validate(path *field.Path, managed sets.Set[string]) field.ErrorList {
	var errs field.ErrorList
	if e.URLPrefix == "" {
		errs = append(errs, field.Required(path.Child("urlPrefix"), ""))
	}
	if e.PrioritizeVerb != "" && (e.Weight < 1 || e.Weight > maxWeight) {
		errs = append(errs, field.Invalid(path.Child("weight"), e.Weight, fmt.Sprintf("with a prioritizeVerb not in valid range [1-%d]", maxWeight)))
	}
	if e.HTTPTimeout < 0 {
		errs = append(errs, field.Invalid(path.Child("httpTimeout"), e.HTTPTimeout, "must not be negative"))
	}
	for i, r := range e.ManagedResources {
		at := path.Child("managedResources").Index(i).Child("name")
		errs = append(errs, validateName(at, r.Name, managed)...)
		if !strings.Contains(r.Name, "/") {
			errs = append(errs, field.Invalid(at, r.Name, "must be an extended resource, <domain>/<name>"))
		}
	}
	return errs
}

func validateName(path *field.Path, name string, seen sets.Set[string]) field.ErrorList {
	switch {
	case name == "":
		return field.ErrorList{field.Required(path, "")}
	case seen.Has(name):
		return field.ErrorList{field.Duplicate(path, name)}
	}
	seen.Insert(name)
	return nil
}

func validateLabels(path *field.Path, labels []string) field.ErrorList {
	if len(labels) == 0 {
		return field.ErrorList{field.Required(path, "at least one label")}
	}
	var errs field.ErrorList
	seen := sets.New[string]()
	for i, label := range labels {
		errs = append(errs, validateName(path.Index(i), label, seen)...)
		if label != "" {
			errs = append(errs, metav1validation.ValidateLabelName(label, path.Index(i))...)
		}
	}
	return errs
}
