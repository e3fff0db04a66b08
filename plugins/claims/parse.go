// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Quantity is a statement in cores or bytes, from 0 on.
func Quantity(annotations map[string]string, key *Key) (value float64, stated bool, err error) {
	text, stated, err := key.text(annotations)
	if !stated || err != nil {
		return 0, stated, err
	}
	if exponentTooLong(text) {
		return 0, true, key.wrong(text)
	}
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return 0, true, key.wrong(text)
	}
	if value = q.AsApproximateFloat64(); !(value >= 0 && value <= math.MaxFloat64) {
		return 0, true, key.wrong(text)
	}
	return value, true, nil
}

// exponentTooLong says whether the text has an exponent of three digits or more. Rounding a quantity such as 1e-9999999 takes
// upstream five seconds.
func exponentTooLong(text string) bool {
	i := strings.IndexAny(text, "eE")
	if i < 0 {
		return false
	}
	exponent := strings.TrimLeft(text[i+1:], "+-")
	return len(exponent) > 2
}

// Overcommits says whether the pod asks for safe overcommit.
func Overcommits(annotations map[string]string) (bool, error) {
	text, stated, err := Overcommit.text(annotations)
	if err != nil {
		return false, err
	}
	switch {
	case !stated || text == "false":
		return false, nil
	case text == "true":
		return true, nil
	default:
		return false, Overcommit.wrong(text)
	}
}

// MayTake is how long a pod says that its responses may take.
func MayTake(annotations map[string]string) (d time.Duration, stated bool, err error) {
	text, stated, err := ResponseTime.text(annotations)
	if !stated || err != nil {
		return 0, stated, err
	}
	if d, err = time.ParseDuration(text); err != nil || d <= 0 {
		return 0, true, ResponseTime.wrong(text)
	}
	return d, true, nil
}

// Objective is which of Objectives a pod's labels ask for, or the annotations of its PriorityClass.
func Objective(values map[string]string) (index int, stated bool, err error) {
	text, stated, err := QoS.text(values)
	if !stated || err != nil {
		return 0, stated, err
	}
	if index = slices.Index(Objectives, text); index < 0 {
		return 0, true, QoS.wrong(text)
	}
	return index, true, nil
}

// Percent bounds the predicted peak of the resource with the name.
type Percent struct {
	Resource string
	Percent  int32
}

// MaxPeak is how far the predicted peak of a node may go; off has it judged by requests alone.
func MaxPeak(annotations map[string]string) (bounds []Percent, off, stated bool, err error) {
	text, stated, err := MaxPredictedPeak.text(annotations)
	if !stated || err != nil {
		return nil, false, stated, err
	}
	if text == "none" {
		return nil, true, true, nil
	}
	for rest, more := text, true; more; {
		var part string
		part, rest, more = strings.Cut(rest, ",")
		name, value, _ := strings.Cut(part, "=")
		percent, err := strconv.Atoi(value)
		if err != nil || percent < 1 || percent > 1000 || name != "cpu" && name != "memory" || len(bounds) == MaxPredictedPeak.items {
			return nil, false, true, MaxPredictedPeak.wrong(part)
		}
		bounds = append(bounds, Percent{name, int32(percent)})
	}
	return bounds, false, true, nil
}

const longestLabelKey = 253 + 1 + 63

// labelKeys parses node label keys with commas between them, empty for none.
func (k *Key) labelKeys(text string) ([]string, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if strings.Count(text, ",") >= k.items {
		return nil, &Error{key: k, text: text, reason: "at most " + strconv.Itoa(k.items) + " keys are read"}
	}
	keys := strings.Split(text, ",")
	for i, key := range keys {
		key = strings.TrimSpace(key)
		keys[i] = key
		if len(key) > longestLabelKey {
			return nil, &Error{key: k, text: key, reason: "no label key is that long"}
		}
		if wrong := validation.IsQualifiedName(key); len(wrong) > 0 {
			return nil, &Error{key: k, text: key, reason: wrong[0]}
		}
		for _, before := range keys[:i] {
			if before == key {
				return nil, &Error{key: k, text: key, reason: "named twice"}
			}
		}
	}
	return keys, nil
}
