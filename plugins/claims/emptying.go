// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"slices"
	"strconv"
	"time"

	v1 "k8s.io/api/core/v1"

	"github.com/foresight-scheduler/foresight/config"
)

// What marks a node that is being emptied. Whoever marked it is named beside the taint, so that nobody takes off what another one put there.
const (
	// EmptyingTaint has the time at which it was put there as its value, in Unix seconds.
	EmptyingTaint = config.AnnotationPrefix + "emptying"
	// EmptyingBy is an annotation: who put it there.
	EmptyingBy = config.AnnotationPrefix + "emptying-by"
)

// Emptying says who marked a node as one that is being emptied, and since when. A mark with no name, or one that is too long, is nobody's; a time that
// cannot be read is zero.
func Emptying(node *v1.Node) (by string, since time.Time, marked bool) {
	i := slices.IndexFunc(node.Spec.Taints, func(t v1.Taint) bool { return t.Key == EmptyingTaint })
	if i < 0 {
		return "", time.Time{}, false
	}
	const most = 512 // A namespace and a name have 317 bytes at most.
	if by = node.Annotations[EmptyingBy]; len(by) > most {
		by = ""
	}
	if seconds, err := strconv.ParseInt(node.Spec.Taints[i].Value, 10, 64); err == nil && seconds > 0 {
		since = time.Unix(seconds, 0)
	}
	return by, since, true
}

// Of the cluster autoscaler and of Karpenter: what keeps them from removing a node, and what says that they are about to.
const (
	scaleDownDisabled = "cluster-autoscaler.kubernetes.io/scale-down-disabled"
	toBeDeleted       = "ToBeDeletedByClusterAutoscaler"
	doNotDisrupt      = "karpenter.sh/do-not-disrupt"
	disrupted         = "karpenter.sh/disrupted"
)

// KeepsNode says that autoscalers are asked to leave a node.
func KeepsNode(node *v1.Node) bool {
	return node.Annotations[scaleDownDisabled] == "true" || asksNotToDisrupt(node.Annotations)
}

// asksNotToDisrupt says that Karpenter is asked to leave a node or pod: "true", or in newer releases for how long.
func asksNotToDisrupt(annotations map[string]string) bool {
	text := annotations[doNotDisrupt]
	return text != "" && text != "false"
}

// BeingRemoved says that an autoscaler is removing a node.
func BeingRemoved(node *v1.Node) bool {
	return node.DeletionTimestamp != nil || slices.ContainsFunc(node.Spec.Taints, func(t v1.Taint) bool { return t.Key == toBeDeleted || t.Key == disrupted })
}
