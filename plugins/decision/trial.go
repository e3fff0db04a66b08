// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"encoding/json"
	"time"
)

// What a trial may hold. The scheduler refuses more before it parses it.
const (
	// MaxTrialBytes of a request.
	MaxTrialBytes = 2 << 20
	// MaxTrialPodBytes of one pod in it.
	MaxTrialPodBytes = 64 << 10
	// MaxTrialPods that are decided on, those of nodes that are thought away among them.
	MaxTrialPods = 1000
	// MaxTrialContainers of all pods that a request describes.
	MaxTrialContainers = 10_000
	// MaxTrialConfigurationBytes of another configuration.
	MaxTrialConfigurationBytes = 128 << 10
)

// Trial is what to decide on without doing it. Pods are decided on in turn, each with those before it on the nodes that were found for
// them.
type Trial struct {
	// Pods to decide on.
	Pods []TrialPods `json:"pods,omitempty"`
	// Anew are workloads whose pods are taken off their nodes first, since Pods are to take their place.
	Anew []TrialWorkload `json:"anew,omitempty"`
	// WithoutNodes are thought away. Their pods are decided on too, but for those that a drain leaves.
	WithoutNodes []string `json:"withoutNodes,omitempty"`
	// Compare has kube-scheduler's default profile place the pods as well, on nodes of its own.
	Compare bool `json:"compare,omitempty"`
	// Detail has the candidates of each pod told.
	Detail bool `json:"detail,omitempty"`
	// Configuration to decide by instead of the scheduler's, a KubeSchedulerConfiguration as JSON.
	Configuration json.RawMessage `json:"configuration,omitempty"`
}

// TrialPods are pods that differ in nothing but their names.
type TrialPods struct {
	// Pod as the API server would make it.
	Pod json.RawMessage `json:"pod"`
	// Names of the pods; empty is one of the pod's own name.
	Names []string `json:"names,omitempty"`
}

// TrialWorkload is a controller, where a Deployment stands for its ReplicaSets and a CronJob for its Jobs; or a Pod.
type TrialWorkload struct {
	Namespace string `json:"namespace"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
}

// Tried is what a trial came to.
type Tried struct {
	Time  time.Time `json:"time"`
	Epoch uint64    `json:"epoch,omitempty"`
	// Nodes that there were, without those that were thought away.
	Nodes int `json:"nodes"`
	// Pods in the order in which they were decided on.
	Pods []TriedPod `json:"pods"`
	// Undecided pods, for which the time did not suffice.
	Undecided int `json:"undecided,omitempty"`
	// Replaced is how many pods were taken off their nodes first, since pods of the trial take their place.
	Replaced int `json:"replaced,omitempty"`
	// Left are pods of the nodes without which it was decided that a drain leaves, by the reason.
	Left []LeftPods `json:"left,omitempty"`
	// Excess of all nodes; nil where no profile predicts it.
	Excess *Excesses `json:"excess,omitempty"`
	// Lacks says what was not considered for any pod.
	Lacks []string `json:"lacks,omitempty"`
}

// TriedPod is where one pod would go.
type TriedPod struct {
	Pod Pod `json:"pod"`
	// Owner is the pod's workload as Kind/name; empty is none.
	Owner string `json:"owner,omitempty"`
	// Was is the node that it is on.
	Was string `json:"was,omitempty"`
	// Scheduler that the pod asks for, and the Profile that it was decided by.
	Scheduler string `json:"scheduler"`
	Profile   string `json:"profile"`
	// Node that was found; empty where the pod would wait.
	Node string `json:"node,omitempty"`
	// Evaluation of all nodes. Without detail it has the node that was found only.
	Evaluation *Evaluation `json:"evaluation"`
	// Stock is where kube-scheduler's default profile would place it after those before.
	Stock *TriedStock `json:"stock,omitempty"`
	// Lacks says what was not considered of this pod.
	Lacks []string `json:"lacks,omitempty"`
}

// TriedStock is a choice of kube-scheduler's default profile.
type TriedStock struct {
	Choice
	// Predicted use of the node with the pod on it, as Foresight predicts it.
	Predicted []Predicted `json:"predicted,omitempty"`
}

// LeftPods counts pods.
type LeftPods struct {
	Reason string `json:"reason"`
	Pods   int    `json:"pods"`
}

// Excesses compares what nodes are expected to use beyond what they run well at, on average and all together: demand for CPU that waits,
// and memory for whose lack pods are killed. A node runs well up to 80 % of its bound for CPU, and 90 % of that for memory.
type Excesses struct {
	Before Amounts  `json:"before"`
	After  Amounts  `json:"after"`
	Stock  *Amounts `json:"stock,omitempty"`
	// Nodes that count: of the others too little is known, or no bound holds for them.
	Nodes int `json:"nodes"`
}
