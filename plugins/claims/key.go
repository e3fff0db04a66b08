// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package claims reads what pods, nodes and PriorityClasses say about themselves in annotations and labels of ours.
//
// Whoever may create a pod writes these texts, so each is refused by its length before anything looks at it, and what it
// holds is bounded too. An error names the key and quotes 64 bytes of the text at most. No other package reads an
// annotation: hack/verify-imports.sh checks this.
package claims

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/foresight-scheduler/foresight/config"
)

// Key is an annotation or a label of ours.
type Key struct {
	// Name of the annotation or label.
	Name string
	// bytes and items are the most that its text may have.
	bytes, items int
	want         string // what it may hold, in words
}

// What is read. The longest label key has 317 bytes.
var (
	ServiceAffinity     = Key{config.AnnotationPrefix + "service-affinity", 2048, 16, "want label keys, separated by commas"}
	ServiceAntiAffinity = Key{config.AnnotationPrefix + "service-anti-affinity", 2048, 16, "want label keys, separated by commas"}
	PredictedCPU        = Key{config.AnnotationPrefix + "predicted-cpu", 32, 1, "want a quantity of 0 or more"}
	PredictedMemory     = Key{config.AnnotationPrefix + "predicted-memory", 32, 1, "want a quantity of 0 or more"}
	Overcommit          = Key{config.AnnotationPrefix + "overcommit", 32, 1, "want true or false"}
	ResponseTime        = Key{config.AnnotationPrefix + "response-time-objective", 32, 1, "is not a positive duration"}
	MaxPredictedPeak    = Key{config.AnnotationPrefix + "max-predicted-peak", 64, 2, "want none, or cpu=PERCENT or memory=PERCENT from 1 to 1000, separated by commas"}
	QoS                 = Key{config.AnnotationPrefix + "qos", 63, 1, "want latency, realtime, availability or batch"}
)

// What is read of pods, nodes and PriorityClasses.
var (
	PodAnnotations           = []*Key{&Overcommit, &PredictedCPU, &PredictedMemory, &ResponseTime, &ServiceAffinity, &ServiceAntiAffinity}
	PodLabels                = []*Key{&QoS}
	NodeAnnotations          = []*Key{&MaxPredictedPeak}
	PriorityClassAnnotations = []*Key{&QoS}
)

// quoted is how many bytes of a text an error holds.
const quoted = 64

// Error says what is wrong with a text. It is made without looking at the text, and spelt when somebody asks.
type Error struct {
	key    *Key
	text   string
	reason string
	length int // of the text, where that is what is wrong
	label  bool
}

// Error names the key, and quotes the beginning of the text.
func (e *Error) Error() string {
	text := e.text
	if len(text) > quoted {
		text = text[:quoted]
	}
	text = strconv.Quote(text)
	// Bytes that do not print are quoted with up to four, and long ones are told by their length.
	if len(text) > quoted {
		text = strings.ToValidUTF8(text[:quoted], "") + "…"
	}
	kind := "annotations"
	if e.label {
		kind = "labels"
	}
	if e.length > 0 {
		return fmt.Sprintf("metadata.%s[%s]: %s: %d bytes long, at most %d are read", kind, e.key.Name, text, e.length, e.key.bytes)
	}
	return fmt.Sprintf("metadata.%s[%s]: %s: %s", kind, e.key.Name, text, e.reason)
}

func (k *Key) wrong(text string) error { return &Error{key: k, text: text, reason: k.want} }

// In says whether the key is among the annotations or labels, whatever it says.
func (k *Key) In(values map[string]string) bool {
	_, ok := values[k.Name]
	return ok
}

// Same says whether the key says the same in both.
func (k *Key) Same(a, b map[string]string) bool {
	was, had := a[k.Name]
	is, has := b[k.Name]
	return was == is && had == has
}

// text returns what the key says, and whether it says anything. Its length is within what the key may have.
func (k *Key) text(values map[string]string) (text string, stated bool, err error) {
	text, stated = values[k.Name]
	if len(text) > k.bytes {
		return "", true, &Error{key: k, text: text, length: len(text)}
	}
	return text, stated, nil
}

// Objectives are what QoS may say.
var Objectives = config.QoSObjectives
