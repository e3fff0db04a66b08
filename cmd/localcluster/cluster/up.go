// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/argv"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/health"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/pki"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/process"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/realnode"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/supervise"
)

// Up starts a cluster and returns when it is ready, or at once when it already runs.
// What was started is stopped again when a step fails.
func Up(ctx context.Context, options Options, out io.Writer) error {
	layout, unlock, err := state.Claim(options.Dir)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := layout.Load(); !errors.Is(err, state.ErrNoCluster) {
		return existing(ctx, layout, err, out)
	}
	if err := options.validate(); err != nil {
		return errors.Join(err, layout.Unclaim())
	}
	if options.Real {
		if err := realnode.Install(ctx, options.Yes, os.Stdin, out); err != nil {
			return errors.Join(err, layout.Unclaim())
		}
		options.Without = append(options.Without, state.Kwok)
	}
	u, err := newUp(layout, options, out)
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, options.Timeout)
	defer cancel()
	begin := time.Now()
	if err := u.run(bounded); err != nil {
		return u.undo(ctx, err)
	}
	fmt.Fprintf(out, "\nThe cluster is ready after %.1fs. To use it:\n  export KUBECONFIG=%s\n", time.Since(begin).Seconds(), layout.Kubeconfig())
	return nil
}

// existing answers an `up` where there already is something.
func existing(ctx context.Context, l state.Layout, loadErr error, out io.Writer) error {
	if loadErr != nil {
		return loadErr
	}
	report, err := health.NewReport(ctx, l)
	if err != nil {
		return err
	}
	if report.Healthy {
		fmt.Fprintf(out, "The cluster in %s is already running: %d nodes, %s\n", l.Dir, report.Nodes.Total, report.Server)
		return nil
	}
	if !report.Started {
		return fmt.Errorf("an earlier start in %s did not get through: run `localcluster down` first", l.Dir)
	}
	return fmt.Errorf("the cluster in %s is not whole (%s): `localcluster start NAME` starts what is missing, `localcluster down` makes room for a new one",
		l.Dir, strings.Join(report.Problems(), ", "))
}

// up is one run of Up.
type up struct {
	argv.Settings
	options  Options
	progress progress
	record   *supervise.Record

	ca     *pki.Authority
	probe  *health.Prober
	config *rest.Config
	client kubernetes.Interface
}

func newUp(layout state.Layout, options Options, out io.Writer) (*up, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this binary: %w", err)
	}
	// The components run in the state directory, and kubectl elsewhere.
	binary, err := filepath.Abs(options.SchedulerBinary)
	if err != nil {
		return nil, err
	}
	if options.SchedulerImage != "" {
		if options.SchedulerImage, err = filepath.Abs(options.SchedulerImage); err != nil {
			return nil, err
		}
	}
	options.Manifests, err = filepath.Abs(options.Manifests)
	if err != nil {
		return nil, err
	}
	if options.AuditPolicy != "" {
		if options.AuditPolicy, err = filepath.Abs(options.AuditPolicy); err != nil {
			return nil, err
		}
	}
	if options.APIServerBinary != "" {
		if options.APIServerBinary, err = filepath.Abs(options.APIServerBinary); err != nil {
			return nil, err
		}
	}
	withPort := state.Names()[1:]
	free, err := process.FreePorts(len(withPort))
	if err != nil {
		return nil, err
	}
	ports := map[string]int{}
	for i, name := range withPort {
		ports[name] = free[i]
	}
	if options.APIServerPort != 0 {
		ports[state.APIServer] = options.APIServerPort
	}
	return &up{
		Settings: argv.Settings{
			Layout:          layout,
			Self:            self,
			ForesightBinary: binary,
			APIServerBinary: options.APIServerBinary,
			Ports:           argv.NewPorts(ports),
			Nodes:           options.Nodes,
			Real:            options.Real,
			UsageInterval:   options.UsageInterval,
			AuditPolicy:     options.AuditPolicy,
		},
		options:  options,
		progress: progress{out: out},
		record:   supervise.NewRecord(layout, &state.State{Nodes: options.Nodes, Real: options.Real}),
	}, nil
}

func (u *up) with(name string) bool { return !slices.Contains(u.options.Without, name) }

func (u *up) run(ctx context.Context) error {
	// 1. What everything needs: a place, certificates, a store and the API.
	if err := u.prepare(); err != nil {
		return err
	}
	if u.Real {
		if err := u.start(ctx, state.Network); err != nil {
			return err
		}
	}
	if err := u.start(ctx, state.Etcd); err != nil {
		return err
	}
	if err := u.start(ctx, state.APIServer); err != nil {
		return err
	}
	if err := u.connect(ctx); err != nil {
		return err
	}

	// 2. What needs only the API starts together.
	group, groupCtx := errgroup.WithContext(ctx)
	for _, branch := range []func(context.Context) error{
		u.controllers, u.defaultScheduler, u.nodesAndMetrics, u.foresight,
	} {
		group.Go(func() error { return branch(groupCtx) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return u.record.Update(func(s *state.State) { s.Ready = true })
}

func (u *up) prepare() error {
	done := u.progress.step("certificates", "made")
	// The state comes first: from here on, `down` recognizes the directory.
	if err := u.record.Update(func(*state.State) {}); err != nil {
		return err
	}
	for _, dir := range []string{"logs", "etcd"} {
		if err := os.Mkdir(u.Path(dir), 0o700); err != nil {
			return fmt.Errorf("filling the state directory: %w", err)
		}
	}
	ca, err := pki.WriteCertificates(u.Layout)
	if err != nil {
		return err
	}
	u.ca = ca
	if err := u.readdress(); err != nil {
		return err
	}
	done()
	return nil
}

// readdress writes what depends on the API server's port.
func (u *up) readdress() (err error) {
	if err := pki.WriteKubeconfigs(u.Layout, u.ca, u.Server()); err != nil {
		return err
	}
	u.probe, err = health.NewProber(u.Layout)
	return err
}

func (u *up) connect(ctx context.Context) (err error) {
	u.config, err = clientcmd.BuildConfigFromFlags("", u.Kubeconfig())
	if err != nil {
		return fmt.Errorf("reading the administrator's kubeconfig: %w", err)
	}
	// The API server limits fairly by itself.
	u.config.QPS = -1
	if u.client, err = kubernetes.NewForConfig(u.config); err != nil {
		return err
	}
	return u.awaitNamespaces(ctx)
}

// start launches a component, on another port when the one it was promised is lost.
func (u *up) start(ctx context.Context, name string) error {
	const attempts = 3
	done := u.progress.step(name, "ready")
	for attempt := 1; ; attempt++ {
		err := u.record.Launch(ctx, u.probe, state.Component{
			Name:     name,
			Command:  u.Command(name),
			Endpoint: u.Endpoint(name),
			Log:      u.LogFile(name),
			// etcd has no port.
			InNetwork: u.Real && name != state.Network && name != state.Etcd,
		})
		if err == nil {
			done()
			return nil
		}
		if !supervise.LostPort(err) || attempt == attempts || (name == state.APIServer && u.options.APIServerPort != 0) {
			return err
		}
		ports, err := process.FreePorts(1)
		if err != nil {
			return err
		}
		u.Ports.Move(name, ports[0])
		if name == state.APIServer {
			if err := u.readdress(); err != nil {
				return err
			}
		}
	}
}

// undo stops what was started. The logs of a failure stay; an interrupted start leaves
// nothing behind.
func (u *up) undo(ctx context.Context, cause error) error {
	stopErr := u.record.StopAll()
	if ctx.Err() != nil {
		return errors.Join(errors.New("interrupted; what was started is stopped again"), stopErr, os.RemoveAll(u.Dir))
	}
	saveErr := u.record.Update(func(s *state.State) {
		for i := range s.Components {
			s.Components[i].Stopped, s.Components[i].Identity = true, process.Identity{}
		}
	})
	hint := errors.New("what was started is stopped again, and the logs are kept until `localcluster down`")
	return errors.Join(cause, stopErr, saveErr, hint)
}
