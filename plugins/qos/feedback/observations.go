// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package feedback

import (
	"errors"
	"io"
	"io/fs"
	"time"

	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/plugins/predict/atomicfile"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/outcome"
)

// exporter writes outcomes to a file that foresight model train reads. One goroutine at a time may use it.
type exporter struct {
	loop    *Loop
	file    string // none is written where it is empty
	written int    // outcomes there had been when the file was written
	at      time.Time
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
	kept := outcome.NewLedger(e.loop.decisions)
	for _, o := range outcomes {
		kept.Add(o)
	}
	e.written = kept.Total()
	e.loop.lock.Lock()
	defer e.loop.lock.Unlock()
	e.loop.observations = kept
}

// write brings the file up to date where it has been so for that long.
func (e *exporter) write(logger klog.Logger, age time.Duration) {
	if e.file == "" {
		return
	}
	l := e.loop
	l.lock.Lock()
	now, total := l.now(), l.observations.Total()
	if total == e.written || now.Sub(e.at) < age {
		l.lock.Unlock()
		return
	}
	outcomes := l.observations.Outcomes()
	l.lock.Unlock()
	e.at = now
	err := atomicfile.Write(e.file, func(w io.Writer) error { return outcome.WriteObservations(w, outcomes) })
	if err == nil {
		e.written = total
		return
	}
	logger.Error(err, "The observations cannot be written")
	l.lock.Lock()
	defer l.lock.Unlock()
	l.counts.Unwritten++
}
