// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"context"
	"errors"
	"io"
	"os"
	"time"
	"unsafe"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/atomicfile"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/checkpoint"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/lives"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/nodes"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/pods"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/roster"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/history"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// learner holds all that is learned. Only Run's goroutine uses it.
type learner struct {
	cluster  Cluster
	windows  *windows
	pods     *pods.Learned
	nodes    *nodes.Learned
	lives    *lives.Lives
	contents forecast.Contents
	// named is up to how many nodes metrics name them.
	named int
	// blind and mute are what was told last.
	blind, mute bool
	// saves and failures of the checkpoint.
	saves, saveFailures uint64
	loads, loadFailures uint64
	// inTheWay is why a checkpoint that is not read could not be set aside: it is not overwritten.
	inTheWay error
	// ahead is Engine.LookAhead.
	ahead bool
}

// mostBlind is the share of the nodes that may be without samples of the last hour before verdicts by forecasts stop.
const mostBlind = .5

func newLearner(args *config.PredictionArgs, cluster Cluster, lives *lives.Lives, ahead bool) *learner {
	if cluster.Pod == nil {
		cluster.Pod = func(string, string) *v1.Pod { return nil }
	}
	tau := float64(args.Percentile) / 100
	grid := history.Grid{Interval: args.Usage.Interval.Duration}
	expiry := args.Usage.Expiry.Duration
	return &learner{
		cluster: cluster, lives: lives, ahead: ahead, contents: forecast.Contents{MayPredict: cluster.MayPredict}, named: int(args.NodeMetricsLimit),
		windows: newWindows(args.Usage.Window.Duration, expiry),
		pods:    pods.New(pods.Options{Tau: tau, ColdStart: args.ColdStart.Duration, Most: mostWorkloads, Forget: expiry, Grid: grid, Ahead: ahead}),
		nodes:   nodes.New(nodes.Options{Tau: tau, Expiry: expiry, Grid: grid}, cluster.Machines),
	}
}

// learn from a clean reading. s is the snapshot that is current.
func (l *learner) learn(r usage.Reading, s *forecast.Snapshot) {
	l.windows.add(r)
	l.learnPast(r, s)
}

// learnPast is learn of a reading that need not be of the present.
func (l *learner) learnPast(r usage.Reading, s *forecast.Snapshot) {
	l.pods.Add(r, l.cluster.Pod)
	if l.cluster.Pods != nil {
		l.pods.Expect(l.cluster.Pods(), r.End)
	}
	l.nodes.Add(r, l.pods, s)
}

// roster of the nodes and pods that there are.
func (l *learner) roster() *roster.Roster {
	var nodes []*v1.Node
	if l.cluster.Nodes != nil {
		nodes = append([]*v1.Node{}, l.cluster.Nodes()...) // Not nil: none is known to be there.
	}
	return roster.New(nodes, l.cluster.Pod)
}

// publish returns the snapshot as of now, or nil as long as nothing is known. news says that something was learned
// since the last one.
func (l *learner) publish(now time.Time, news bool) (*forecast.Snapshot, *status) {
	all := -1
	if l.cluster.Nodes != nil {
		nodes := l.cluster.Nodes()
		there := make(map[string]bool, len(nodes))
		for _, n := range nodes {
			there[n.Name] = true
		}
		all = len(there)
		l.nodes.Forget(now, func(name string) bool { return there[name] })
	} else {
		l.nodes.Forget(now, nil)
	}
	if l.nodes.Len() == 0 {
		return nil, nil
	}
	c := &l.contents
	c.Epoch++
	if news {
		c.PodsEpoch++
		l.pods.Publish(c, l.lives.All())
	}
	c.Usage = l.windows.publish(now)
	standing := l.nodes.Publish(now, c)
	st := &status{
		standing: standing,
		pods:     l.pods.Status(), nodes: l.nodes.Len(), lives: l.lives.Len(),
		training: l.nodes.Training(), realised: l.nodes.Realised(), accounts: l.nodes.Accounts(),
		saves: l.saves, saveFailures: l.saveFailures, loads: l.loads, loadFailures: l.loadFailures,
	}
	known := len(c.Forecasts)
	if all < 0 {
		all = known
	}
	st.standing.Nodes[forecast.Blind] += max(0, all-known)
	c.Blind = true
	var blind forecast.Set
	for r := range st.standing.Resources {
		rungs := &st.standing.Resources[r]
		rungs[forecast.Blind] += max(0, all-known)
		blind[r] = float64(rungs[forecast.Fresh]+rungs[forecast.Stale]) < (1-mostBlind)*float64(max(all, 1))
		c.Blind = c.Blind && blind[r]
	}
	if blind.Any() && !c.Blind {
		for name, f := range c.Forecasts {
			for r := range f.Lacks {
				f.Lacks[r] = f.Lacks[r] || blind[r]
			}
			c.Forecasts[name] = f
		}
	}
	st.blind = c.Blind
	if len(c.Forecasts) <= l.named {
		st.outlooks = l.nodes.Outlooks(c)
	}
	st.bytes = l.pods.Bytes() + l.nodes.Bytes() + l.windows.bytes() + l.lives.Bytes() + uint64(len(st.outlooks))*uint64(unsafe.Sizeof(nodes.Outlook{}))
	return forecast.NewSnapshot(*c), st
}

// tell logs when the breaker trips and when it closes, and when nodes are measured without their pods.
func (l *learner) tell(logger klog.Logger, st *status) {
	rungs := &st.standing.Nodes
	if mute := st.standing.Mute > 0; mute != l.mute {
		if l.mute = mute; mute {
			logger.Info("Nodes are measured, and none of the pods that run there: their pods count with what is expected of them",
				"nodes", st.standing.Mute, "pods", st.standing.Untold)
		} else {
			logger.Info("Pods are measured again on all nodes that are")
		}
	}
	if st.blind == l.blind {
		return
	}
	l.blind = st.blind
	if st.blind {
		logger.Info("Too many nodes have no recent samples: no verdicts by forecasts until they have", "fresh", rungs[forecast.Fresh],
			"stale", rungs[forecast.Stale], "profile", rungs[forecast.Profile], "requests", rungs[forecast.Blind])
	} else {
		logger.Info("Enough nodes have recent samples: forecasts count", "fresh", rungs[forecast.Fresh])
	}
}

// version of the checkpoint. There is no older one to read.
const version = 1

// save what is learned. A failure is told, and what was saved before stays.
func (l *learner) save(ctx context.Context, args *config.PredictionArgs) {
	if args.Checkpoint.Path == "" || l.nodes.Len() == 0 {
		return
	}
	err := l.inTheWay
	if err == nil {
		err = checkpoint.Save(args.Checkpoint.Path, version, func(w io.Writer) error {
			return errors.Join(l.pods.Save(w), l.nodes.Save(w), l.lives.Save(w))
		})
	}
	if err != nil {
		l.saveFailures++
		klog.FromContext(ctx).Error(err, "Saving the checkpoint failed; the last one stays", "path", args.Checkpoint.Path)
		return
	}
	l.saves++
}

// restore what was saved, and say whether there was something.
func (l *learner) restore(ctx context.Context, args *config.PredictionArgs, now time.Time) bool {
	if args.Checkpoint.Path == "" {
		return false
	}
	logger := klog.FromContext(ctx)
	// Better now than when the first interval is over.
	if err := atomicfile.Prepare(args.Checkpoint.Path); err != nil {
		l.saveFailures++
		logger.Error(err, "The checkpoint cannot be saved; what is learned ends with this process", "path", args.Checkpoint.Path)
	}
	path := args.Checkpoint.Path
	err := l.load(args, path, now)
	switch {
	case err == nil:
	case errors.Is(err, os.ErrNotExist):
		logger.Info("There is no checkpoint yet", "path", path)
		return false
	case errors.Is(err, checkpoint.ErrVersion), errors.Is(err, checkpoint.ErrCorrupt):
		l.loadFailures++
		to, aside := checkpoint.SetAside(path, err)
		l.inTheWay = aside
		logger.Error(errors.Join(err, aside), "The checkpoint is not read, and set aside", "to", to)
		for _, path = range checkpoint.Others(path, version) {
			if err = l.load(args, path, now); err == nil {
				break
			}
		}
	default:
		l.loadFailures++
		logger.Error(err, "The checkpoint is not read; learning begins anew")
	}
	if err != nil {
		return false
	}
	l.loads++
	logger.Info("Read the checkpoint", "path", path, "nodes", l.nodes.Len(), "workloads", l.pods.Status().Workloads)
	return true
}

// load reads one file. Of one that fails nothing counts, not even what could be read.
func (l *learner) load(args *config.PredictionArgs, path string, now time.Time) error {
	err := checkpoint.Load(path, version, func(r io.Reader) error {
		return errors.Join(l.pods.Load(r), l.nodes.Load(r, now), l.lives.Load(r))
	})
	if err != nil {
		fresh := newLearner(args, l.cluster, l.lives, l.ahead)
		l.pods, l.nodes = fresh.pods, fresh.nodes
	}
	return err
}

const (
	// backfillStep is how far apart the readings of the past are.
	backfillStep = 5 * time.Minute
	// backfillTimeout bounds how long the present waits for the past.
	backfillTimeout = 10 * time.Minute
)

// backfill learns the past from a source that knows it. A failure leaves what was learned until then.
func (l *learner) backfill(ctx context.Context, source usage.Source, args *config.PredictionArgs, now time.Time) {
	historian, ok := source.(usage.Historian)
	past := args.Usage.Prometheus.Backfill.Duration
	if !ok || past < args.Usage.Interval.Duration {
		return
	}
	logger := klog.FromContext(ctx)
	logger.Info("Asking for the past", "source", source.Name(), "from", now.Add(-past))
	ctx, cancel := context.WithTimeout(ctx, backfillTimeout)
	defer cancel()
	bounds := usage.DefaultBounds()
	bounds.MaxAge = 0
	cleaner := usage.NewCleaner(bounds, l.cluster.Machines)
	// Multiples of the step, so that replicas ask the same and the server's caches serve.
	from, to := now.Add(-past).Truncate(backfillStep), now.Add(-backfillStep).Truncate(backfillStep)
	readings, there := 0, l.roster()
	err := historian.History(ctx, from, to, backfillStep, func(r usage.Reading) error {
		readings++
		there.Resolve(&r)
		l.learnPast(cleaner.Clean(r.End, r), nil)
		return nil
	})
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		logger.Error(err, "Not all of the past could be read", "readings", readings)
		return
	}
	logger.Info("Learned the past", "readings", readings, "nodes", l.nodes.Len())
}
