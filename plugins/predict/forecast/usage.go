// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package forecast

import "time"

// NodeUsage is the past use of a node, by its pods and by the system.
type NodeUsage struct {
	CPU    Stats // in cores
	Memory Stats // in bytes
	// Newest is the time of the newest sample.
	Newest time.Time
	// Window is the time before Newest that Mean and StdDev cover. A pod that started within it
	// shows in the mean only in part. If 0, a pod shows in full as soon as a sample is newer than
	// the pod.
	Window time.Duration
}

// Stats are the statistics of one resource. NaN is unknown. A negative or infinite value also
// counts as unknown, since a failed query is not a zero.
type Stats struct {
	// Mean and StdDev are the average and standard deviation over the window.
	Mean, StdDev float64
	// Latest is the newest sample.
	Latest float64
}
