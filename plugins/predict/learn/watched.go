// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"context"
	"errors"
	"slices"

	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/plugins/predict/learn/roster"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// watched is a source whose failures are told, and whose readings are of what there is. The collector slows down after failures,
// so this does not flood a log.
type watched struct {
	usage.Source
	logger klog.Logger
	failed func()
	roster func() *roster.Roster
	// unread and warnings are what the last good reading lacked, so that only changes are told.
	unread   int
	warnings []string
	names    roster.Names
}

func (w *watched) Read(ctx context.Context) (usage.Reading, error) {
	r, err := w.Source.Read(ctx)
	if err != nil && ctx.Err() != context.Canceled && !errors.Is(err, usage.ErrEnd) {
		w.logger.Error(err, "Reading usage failed; what is known counts until it expires", "source", w.Name())
		w.failed() // Time has passed: what is known is older.
	}
	if err == nil {
		w.tellLacks(&r)
		w.tellNames(w.roster().Resolve(&r))
	}
	return r, err
}

func (w *watched) tellLacks(r *usage.Reading) {
	if n := len(r.Failed); n != w.unread {
		if w.unread = n; n > 0 {
			w.logger.Error(r.Failed[0], "Not all nodes could be read", "source", w.Name(), "nodes", n)
		} else {
			w.logger.Info("All nodes are read again", "source", w.Name())
		}
	}
	if !slices.Equal(r.Warnings, w.warnings) {
		if w.warnings = r.Warnings; len(r.Warnings) > 0 {
			w.logger.Info("Usage was answered with warnings", "source", w.Name(), "warnings", r.Warnings)
		}
	}
}

// tellNames tells once that nodes have other names in answers than in the cluster.
func (w *watched) tellNames(n roster.Names) {
	was := w.names
	w.names = n
	if n.Unknown > 0 && was.Unknown == 0 {
		w.logger.Error(nil, "Samples name nodes that the cluster does not have, and are dropped: have the query give the node's name, an address of it, its host name or provider's ID",
			"source", w.Name(), "names", n.Unknown, "such as", cut(n.Odd))
	}
	if n.Mapped > 0 && was.Mapped == 0 {
		w.logger.Info("Nodes are recognised by an address, a host name or a provider's ID", "source", w.Name(), "nodes", n.Mapped, "such as", cut(n.MappedName), "which is", n.MappedTo)
	}
}

// cut shortens what others wrote for a log.
func cut(name string) string {
	const most = 64
	if len(name) > most {
		return name[:most] + "…"
	}
	return name
}
