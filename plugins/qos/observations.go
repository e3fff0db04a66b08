// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"errors"
	"io"
	"io/fs"
	"time"

	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/plugins/predict/atomicfile"
	"github.com/foresight-scheduler/foresight/plugins/predict/quality/outcome"
)

// exporter writes outcomes to a file that foresight model train reads. One goroutine at a time may use it.
type exporter struct {
	feedback *feedback
	file     string // none is written where it is empty
	written  int    // outcomes there had been when the file was written
	at       time.Time
}

// read goes on with what an earlier scheduler wrote.
func (e *exporter) read(logger klog.Logger) {
	if e.file == "" {
		return
	}
	outcomes, err := outcome.ReadObservations(e.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		logger.Error(err, "The observations cannot be read; they start anew")
	}
	kept := outcome.NewLedger(e.feedback.decisions)
	for _, o := range outcomes {
		kept.Add(o)
	}
	e.written = kept.Total()
	e.feedback.lock.Lock()
	defer e.feedback.lock.Unlock()
	e.feedback.observations = kept
}

// write brings the file up to date where it has been so for that long.
func (e *exporter) write(logger klog.Logger, age time.Duration) {
	if e.file == "" {
		return
	}
	f := e.feedback
	f.lock.Lock()
	now, total := f.now(), f.observations.Total()
	if total == e.written || now.Sub(e.at) < age {
		f.lock.Unlock()
		return
	}
	outcomes := f.observations.Outcomes()
	f.lock.Unlock()
	e.at = now
	err := atomicfile.Write(e.file, func(w io.Writer) error { return outcome.WriteObservations(w, outcomes) })
	if err == nil {
		e.written = total
		return
	}
	logger.Error(err, "The observations cannot be written")
	f.lock.Lock()
	defer f.lock.Unlock()
	f.counts.unwritten++
}
