// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package forecast

import "time"

// NodeUsage is what has been used on a node, by pods and by the system.
type NodeUsage struct {
	CPU    Stats // in cores
	Memory Stats // in bytes
	// Newest is when the newest sample was taken.
	Newest time.Time
	// Window is how far Mean and StdDev look back from Newest. A pod that started within
	// it shows in the mean for a part only. 0 says that a pod shows in full as soon as a
	// sample is newer than it.
	Window time.Duration
}

// Stats of one resource. What is not known is NaN; a value that is negative or infinite
// counts as not known too, for a failed query is not a zero.
type Stats struct {
	// Mean and StdDev are the average and the standard deviation over the window.
	Mean, StdDev float64
	// Latest is the newest sample.
	Latest float64
}
