// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package table

import (
	"slices"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// pairIndex finds the selectors that may select a pod: most selectors ask for a label to
// have one value, and only pods with that label and value can be selected. Where hundreds
// of workloads have a selector each, a pod meets its own one.
type pairIndex[T comparable] struct {
	// exact is keyed by such a label, rest holds by namespace what asks for none. The
	// namespace "" is any.
	exact map[pair][]T
	rest  map[string][]T
}

type pair struct{ namespace, label, value string }

func newPairIndex[T comparable]() pairIndex[T] {
	return pairIndex[T]{exact: map[pair][]T{}, rest: map[string][]T{}}
}

var anyNamespace = []string{""}

// add files the value under its selector and namespaces; nil means any namespace.
func (x *pairIndex[T]) add(namespaces []string, selector labels.Selector, value T) {
	if namespaces == nil {
		namespaces = anyNamespace
	}
	for _, ns := range namespaces {
		if label, want, ok := exactLabel(selector); ok {
			p := pair{ns, label, want}
			x.exact[p] = append(x.exact[p], value)
		} else {
			x.rest[ns] = append(x.rest[ns], value)
		}
	}
}

func (x *pairIndex[T]) remove(namespaces []string, selector labels.Selector, value T) {
	if namespaces == nil {
		namespaces = anyNamespace
	}
	for _, ns := range namespaces {
		if label, want, ok := exactLabel(selector); ok {
			removeFrom(x.exact, pair{ns, label, want}, value)
		} else {
			removeFrom(x.rest, ns, value)
		}
	}
}

func removeFrom[K, T comparable](m map[K][]T, key K, value T) {
	m[key] = slices.DeleteFunc(m[key], func(v T) bool { return v == value })
	if len(m[key]) == 0 {
		delete(m, key)
	}
}

// visit calls yield with all that may select the pod, each once.
func (x *pairIndex[T]) visit(pod *v1.Pod, yield func(T)) {
	if len(x.exact) > 0 {
		for label, value := range pod.Labels {
			for _, v := range x.exact[pair{pod.Namespace, label, value}] {
				yield(v)
			}
			for _, v := range x.exact[pair{"", label, value}] {
				yield(v)
			}
		}
	}
	for _, v := range x.rest[pod.Namespace] {
		yield(v)
	}
	if pod.Namespace != "" {
		for _, v := range x.rest[""] {
			yield(v)
		}
	}
}

// exactLabel returns a label and the one value that the selector asks of it.
func exactLabel(selector labels.Selector) (label, value string, ok bool) {
	requirements, selectable := selector.Requirements()
	if !selectable {
		return "", "", false
	}
	for i := range requirements {
		r := &requirements[i]
		if op := r.Operator(); (op == selection.Equals || op == selection.DoubleEquals || op == selection.In) && r.Values().Len() == 1 {
			return r.Key(), r.Values().UnsortedList()[0], true
		}
	}
	return "", "", false
}
