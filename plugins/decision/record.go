// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package decision keeps what the scheduler decided, and says it in one form to whoever asks: the scheduler's own endpoints serve
// these types as JSON, and the command line reads them.
//
// The goroutine that schedules writes a Record of cheap facts for each decision and waits for nobody. What costs more, the parts
// that each plugin had in it, is an Evaluation: made afterwards by another goroutine, for as many decisions as its share of a CPU
// allows, and anew for whoever asks. It says when it was made and what had changed by then.
package decision

import "time"

// Record of one decision: a pod was given a node, or none was found.
type Record struct {
	Pod     Pod       `json:"pod"`
	Time    time.Time `json:"time"`
	Profile string    `json:"profile"`
	// Node that was chosen; empty where the pod waits.
	Node string `json:"node,omitempty"`
	// Path says how nodes were looked for.
	Path Path `json:"path"`
	// Why the index did not decide.
	Why string `json:"why,omitempty"`
	// Nodes that there were, and those that were Feasible among the ones looked at.
	Nodes    int `json:"nodes"`
	Feasible int `json:"feasible"`
	// Total is the chosen node's weighted score; 0 where one node was feasible, and where the index did not decide.
	Total int64 `json:"total,omitempty"`
	// Alike is how many nodes had the Total. One of them was drawn.
	Alike int `json:"alike,omitempty"`
	// Epoch of the forecasts; 0 is none.
	Epoch uint64 `json:"epoch,omitempty"`
	// HeldOut says that requests decided for the sake of a comparison, and Chance how likely the pod was to be held out, or not to be;
	// 0 is no comparison.
	HeldOut bool    `json:"heldOut,omitempty"`
	Chance  float64 `json:"chance,omitempty"`
	// TookMicroseconds is how long it took to find the node.
	TookMicroseconds int64 `json:"tookMicroseconds"`
	// Waits says why no node was found, at most maxReason bytes.
	Waits string `json:"waits,omitempty"`
	// Evaluation at the time of the decision, where there was time for one.
	Evaluation *Evaluation `json:"evaluation,omitempty"`
	// Since says what has become of the decision.
	Since *Outcome `json:"since,omitempty"`
}

// Pod that is decided on.
type Pod struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid,omitempty"`
}

// Path says how nodes were looked for.
type Path string

const (
	// ByIndex: the node index compared all nodes, and the filters accepted its best.
	ByIndex Path = "index"
	// BySearch: upstream's search, over all nodes or a sample of them.
	BySearch Path = "search"
)

// Evaluation is what each plugin of a profile makes of all nodes for a pod.
type Evaluation struct {
	Time  time.Time `json:"time"`
	Epoch uint64    `json:"epoch,omitempty"`
	// Now says that it was made for whoever asks, and not at the time of the decision.
	Now bool `json:"now"`
	// Changed is how many nodes, other than the chosen one, had changed between the decision and the evaluation.
	Changed int `json:"changed"`
	// Nodes that there were, and those that were Feasible.
	Nodes    int `json:"nodes"`
	Feasible int `json:"feasible"`
	// Alike is how many nodes have the chosen one's total.
	Alike int `json:"alike,omitempty"`
	// MaxTotal is the largest total that there could be: 100 times the sum of weights.
	MaxTotal int64 `json:"maxTotal"`
	// Weights of the plugins that score, in the order of the parts.
	Weights []Weight `json:"weights,omitempty"`
	// Candidates are the best feasible nodes, the best first, then nodes that were refused. The chosen node and the best by name of
	// each reason are among them.
	Candidates []Candidate `json:"candidates"`
	// Refused counts nodes by the reason, the most frequent first.
	Refused []Refusal `json:"refused,omitempty"`
	// Forecast of the pod.
	Forecast *Forecast `json:"forecast,omitempty"`
	// Stock is the node that kube-scheduler's default profile would choose on the same nodes, and how many are as good to it.
	Stock *Choice `json:"stock,omitempty"`
	// Because is the sentence that matters, and Flip what would change the choice.
	Because string `json:"because,omitempty"`
	Flip    string `json:"flip,omitempty"`
	// Lacks says what was not evaluated.
	Lacks []string `json:"lacks,omitempty"`
}

// Weight of a plugin in a profile.
type Weight struct {
	Plugin string `json:"plugin"`
	Weight int64  `json:"weight"`
}

// Candidate is a node that comes into question, or was refused.
type Candidate struct {
	Node   string `json:"node"`
	Chosen bool   `json:"chosen,omitempty"`
	Total  int64  `json:"total"`
	// Parts that plugins have in the total: raw score after normalization × weight.
	Parts []Part `json:"parts,omitempty"`
	// Predicted use of the node with the pod on it.
	Predicted []Predicted `json:"predicted,omitempty"`
	// Note says what is behind the prediction, where one pod makes most of it.
	Note string `json:"note,omitempty"`
	// Refused says why the node is none for the pod; empty for a feasible one.
	Refused string `json:"refused,omitempty"`
	// Plugin that refused it.
	Plugin string `json:"plugin,omitempty"`
}

// Part of a plugin in a total.
type Part struct {
	Plugin string `json:"plugin"`
	Score  int64  `json:"score"`
}

// Predicted is what a node is predicted to use of one resource, in cores or bytes.
type Predicted struct {
	Resource string `json:"resource"`
	// Hours that the prediction looks ahead: 1 or 24.
	Hours int `json:"hours"`
	// Expected use at any moment.
	Expected float64 `json:"expected"`
	// Lower and Upper bound the largest use.
	Lower float64 `json:"lower"`
	Upper float64 `json:"upper"`
	// Pod is the upper bound of the pod's own part in it.
	Pod         float64 `json:"pod,omitempty"`
	Allocatable float64 `json:"allocatable"`
	// Bound of the use, in the same unit; 0 is none.
	Bound float64 `json:"bound,omitempty"`
	// Rung that the node's forecast comes from: fresh, stale, profile or requests.
	Rung string `json:"rung"`
}

// Refusal counts nodes that were refused for one reason.
type Refusal struct {
	Reason string `json:"reason"`
	Plugin string `json:"plugin,omitempty"`
	Nodes  int    `json:"nodes"`
}

// Amounts of CPU and memory, in cores and bytes. It is forecast.Amounts as it is told.
type Amounts struct {
	CPU    float64 `json:"cpu"`
	Memory float64 `json:"memory"`
}

// Forecast of a pod.
type Forecast struct {
	// Rung that it comes from: owner, class, cluster or request. Of says whose history it is.
	Rung string `json:"rung"`
	Of   string `json:"of,omitempty"`
	// Amounts are the upper bounds of the largest use within Hours.
	Amounts
	Hours int `json:"hours"`
}

// Choice of a profile.
type Choice struct {
	Node string `json:"node,omitempty"`
	// Alike is how many nodes are as good, this one included.
	Alike int `json:"alike,omitempty"`
	// Total of the node.
	Total int64 `json:"total,omitempty"`
}

// Outcome is what nodes and pods came to after a decision.
type Outcome struct {
	// Until when it was measured, at most 24 h after the decision.
	Until time.Time `json:"until"`
	// Node and Pod are the largest use since, in cores and bytes. NodeHour is the node's in the first hour.
	NodeCPU        float64 `json:"nodeCPU"`
	NodeMemory     float64 `json:"nodeMemory"`
	NodeHourCPU    float64 `json:"nodeHourCPU"`
	NodeHourMemory float64 `json:"nodeHourMemory"`
	PodCPU         float64 `json:"podCPU,omitempty"`
	PodMemory      float64 `json:"podMemory,omitempty"`
	// Minutes in which node and pod were measured, those of them in which the node was Hot, over 80 % of its allocatable CPU, and the core
	// minutes that it used beyond that.
	Minutes           float64 `json:"minutes,omitempty"`
	HotMinutes        float64 `json:"hotMinutes,omitempty"`
	BeyondCoreMinutes float64 `json:"beyondCoreMinutes,omitempty"`
}

// maxReason is how many bytes of a reason are kept.
const maxReason = 512

// Cut shortens what others wrote to what is kept of a reason.
func Cut(reason string) string { return CutTo(reason, maxReason) }

// CutTo shortens a text to so many bytes.
func CutTo(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := max(0, most-len("…"))
	for end > 0 && text[end]&0xC0 == 0x80 {
		end--
	}
	return text[:end] + "…"
}
