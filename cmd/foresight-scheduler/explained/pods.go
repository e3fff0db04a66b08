// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package explained

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	podutil "k8s.io/kubernetes/pkg/api/pod"
	core "k8s.io/kubernetes/pkg/apis/core"
	corev1 "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/pkg/apis/core/validation"
	kjson "sigs.k8s.io/json"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// podsOf reads pods that differ in nothing but their names, at most so many. Plugins take pods to be as the API server lets them pass, so
// they are validated as it does.
func podsOf(asked *decision.TrialPods, most int) ([]*v1.Pod, error) {
	if len(asked.Names) > most || most < 1 {
		return nil, fmt.Errorf("a trial may have %d pods", decision.MaxTrialPods)
	}
	if len(asked.Pod) > decision.MaxTrialPodBytes {
		return nil, fmt.Errorf("pod: it may have %d bytes", decision.MaxTrialPodBytes)
	}
	pod, err := podOf(asked.Pod)
	if err != nil {
		return nil, fmt.Errorf("pod: %w", err)
	}
	if len(asked.Names) == 0 {
		return []*v1.Pod{pod}, nil
	}
	pods := make([]*v1.Pod, len(asked.Names))
	for i, name := range asked.Names {
		if wrong := utilvalidation.IsDNS1123Subdomain(name); len(wrong) > 0 {
			return nil, fmt.Errorf("names[%d]: %.253q: %s", i, name, strings.Join(wrong, "; "))
		}
		pods[i] = pod.DeepCopy()
		pods[i].Name, pods[i].UID = name, uuid.NewUUID()
	}
	return pods, nil
}

func podOf(raw []byte) (*v1.Pod, error) {
	raw, err := bounded(raw)
	if err != nil {
		return nil, err
	}
	pod := &v1.Pod{}
	if strict, err := kjson.UnmarshalStrict(raw, pod); err != nil || len(strict) > 0 {
		return nil, errors.New(decision.Cut(errors.Join(append(strict, err)...).Error()))
	}
	// It is about to be made.
	pod.UID, pod.Status, pod.ManagedFields = uuid.NewUUID(), v1.PodStatus{}, nil
	pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds, pod.ResourceVersion, pod.GenerateName = nil, nil, "", ""
	corev1.SetObjectDefaults_Pod(pod)
	internal := &core.Pod{}
	if err := corev1.Convert_v1_Pod_To_core_Pod(pod.DeepCopy(), internal, nil); err != nil {
		return nil, errors.New(decision.Cut(err.Error()))
	}
	options := podutil.GetValidationOptionsFromPodSpecAndMeta(&internal.Spec, nil, &internal.ObjectMeta, nil)
	if errs := validation.ValidatePodCreate(internal, options); len(errs) > 0 {
		return nil, errors.New(decision.Cut(errs.ToAggregate().Error()))
	}
	return pod, nil
}

// exponent is a number whose rounding takes seconds, as 1e-9999999 does as a quantity.
var exponent = regexp.MustCompile(`^\s*[+-]?[0-9.]+[eE][+-]?[0-9]{3,}\s*$`)

// notQuantities are maps and lists of strings that are parsed as no quantities, and may well look like one: a hash in a label.
var notQuantities = map[string]bool{"labels": true, "annotations": true, "matchLabels": true, "nodeSelector": true, "values": true}

// bounded returns the JSON with each key once, or an error where a text in it costs too much to be parsed as a quantity.
func bounded(raw []byte) ([]byte, error) {
	var v any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &v); err != nil {
		return nil, errors.New(decision.Cut(err.Error()))
	}
	if err := look(v, ""); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

func look(v any, path string) error {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if notQuantities[key] {
				continue
			}
			if err := look(value, path+"."+key); err != nil {
				return err
			}
		}
	case []any:
		for _, value := range v {
			if err := look(value, path+"[]"); err != nil {
				return err
			}
		}
	case string:
		if exponent.MatchString(v) {
			return fmt.Errorf("%.128s: %.64q: an exponent may have two digits", strings.TrimPrefix(path, "."), v)
		}
	}
	return nil
}
