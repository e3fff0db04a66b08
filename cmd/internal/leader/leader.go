// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package leader asks the scheduler that leads, with nothing but a kubeconfig: the holder of the Lease says in its labels where it
// serves and by which certificate. A scheduler that runs as a pod is reached by a port-forward.
package leader

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/foresight-scheduler/foresight/plugins/decision/serving"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded"
)

// maxAnswer bounds an answer. Of 5,000 nodes it is 3 MB.
const maxAnswer = 256 << 20

// podPort is where a scheduler serves whose Lease says no port.
const podPort = 10259

// Asker asks the leader.
type Asker struct {
	config  *genericclioptions.ConfigFlags
	lease   string
	address string
	caFile  string
}

// New returns one that connects as the flags say.
func New(config *genericclioptions.ConfigFlags) *Asker {
	return NewFor(config, "foresight-system/foresight-scheduler")
}

// NewFor is New with another Lease than the shipped scheduler's, NAMESPACE/NAME, where the flag does not say which.
func NewFor(config *genericclioptions.ConfigFlags, lease string) *Asker {
	return &Asker{config: config, lease: lease}
}

// ErrNotServed is the answer of a scheduler that has nothing at the path.
var ErrNotServed = errors.New("the scheduler does not serve")

// AddFlags adds the flags that say where the scheduler is.
func (a *Asker) AddFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&a.lease, "scheduler-lease", a.lease, "namespace and name of the scheduler's Lease")
	flags.StringVar(&a.address, "scheduler-address", "", "host and port of the scheduler, instead of those of the Lease")
	flags.StringVar(&a.caFile, "scheduler-ca", "", "with --scheduler-address: file of the authority that signs the scheduler's certificate; the cluster's by default")
}

// Get asks the leader for a path below serving.Prefix and reads its answer.
func (a *Asker) Get(ctx context.Context, path string, query url.Values, into any) error {
	body, err := a.Open(ctx, serving.Prefix+path+"?"+query.Encode())
	if err != nil {
		return err
	}
	return read(body, into)
}

// Post sends the leader a question as JSON, for a path below serving.Prefix, and reads its answer. It waits that long unless the kubeconfig
// says otherwise.
func (a *Asker) Post(ctx context.Context, path string, question, into any, wait time.Duration) error {
	data, err := json.Marshal(question)
	if err != nil {
		return err
	}
	body, err := a.ask(ctx, http.MethodPost, serving.Prefix+path, data, wait)
	if err != nil {
		return err
	}
	return read(body, into)
}

func read(body io.ReadCloser, into any) error {
	defer body.Close()
	if err := json.NewDecoder(bounded.Reader(body, maxAnswer)).Decode(into); err != nil {
		return fmt.Errorf("the scheduler's answer: %w", err)
	}
	return nil
}

// Open asks the leader for a path.
func (a *Asker) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	return a.ask(ctx, http.MethodGet, path, nil, 30*time.Second)
}

func (a *Asker) ask(ctx context.Context, method, path string, question []byte, wait time.Duration) (io.ReadCloser, error) {
	config, err := a.config.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	config.Timeout = cmp.Or(config.Timeout, wait)
	client, host, end, err := a.connect(ctx, config)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, "https://"+host+path, bytes.NewReader(question))
	if err != nil {
		end()
		return nil, fmt.Errorf("--scheduler-address %q: %w", a.address, err)
	}
	if question != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := client.Do(request)
	if err != nil {
		end()
		return nil, fmt.Errorf("asking the scheduler: %w", err)
	}
	if response.StatusCode == http.StatusOK {
		return &ending{response.Body, end}, nil
	}
	said, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
	response.Body.Close()
	end()
	where, _, _ := strings.Cut(path, "?")
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		role := "foresight-reader"
		if method == http.MethodPost {
			role = "foresight-trials"
		}
		return nil, fmt.Errorf("the scheduler answers %s: it takes a user of the cluster who may %s the path %s, as the ClusterRole %s allows",
			response.Status, strings.ToLower(method), where, role)
	case http.StatusNotFound:
		if strings.HasPrefix(where, serving.Prefix) && !strings.Contains(string(said), "scheduler knows") {
			return nil, fmt.Errorf("%w %s: it is older than this command, or keeps no decisions (records: 0 of DecisionsArgs)", ErrNotServed, where)
		}
	}
	return nil, fmt.Errorf("the scheduler answers: %s", strings.TrimSpace(string(said)))
}

type ending struct {
	io.ReadCloser
	end func()
}

func (e *ending) Close() error {
	defer e.end()
	return e.ReadCloser.Close()
}

// connect returns a client of the scheduler, its host and port, and what ends the connection.
func (a *Asker) connect(ctx context.Context, config *rest.Config) (*http.Client, string, func(), error) {
	if a.address != "" {
		client, err := a.direct(config)
		return client, a.address, func() {}, err
	}
	if a.caFile != "" {
		return nil, "", nil, errors.New("--scheduler-ca: takes --scheduler-address too; the Lease says which certificate the leader has")
	}
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, "", nil, err
	}
	namespace, name, ok := strings.Cut(a.lease, "/")
	if !ok {
		return nil, "", nil, fmt.Errorf("--scheduler-lease %q: must be NAMESPACE/NAME", a.lease)
	}
	lease, err := clients.CoordinationV1().Leases(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, "", nil, fmt.Errorf("looking for the scheduler that leads: %w", err)
	}
	pod, host, port, err := whereIs(lease)
	if err != nil {
		return nil, "", nil, err
	}
	end := func() {}
	_, err = clients.CoreV1().Pods(namespace).Get(ctx, pod, metav1.GetOptions{})
	switch {
	case err == nil:
		if host, end, err = forward(ctx, config, namespace, pod, port); err != nil {
			return nil, "", nil, err
		}
	case apierrors.IsNotFound(err):
		// It runs on a machine, as a local cluster's does.
		host = net.JoinHostPort(cmp.Or(host, "127.0.0.1"), strconv.Itoa(port))
	default:
		return nil, "", nil, fmt.Errorf("looking for the scheduler that leads: %w", err)
	}
	client, err := pinned(config, lease.Labels[serving.CertificateLabel])
	if err != nil {
		end()
		return nil, "", nil, err
	}
	return client, host, end, nil
}

// whereIs reads the holder's pod, and the host and port that it serves at.
func whereIs(lease *coordinationv1.Lease) (pod, host string, port int, err error) {
	called := lease.Namespace + "/" + lease.Name
	if lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" {
		return "", "", 0, fmt.Errorf("no scheduler leads: nobody holds the Lease %s", called)
	}
	if lease.Labels[serving.CertificateLabel] == "" {
		return "", "", 0, fmt.Errorf("the scheduler that holds the Lease %s does not say by which certificate it serves: it is older than this command, or serves no secure port", called)
	}
	if host, port, err = serving.Address(lease.Labels); err != nil {
		return "", "", 0, fmt.Errorf("the Lease %s: %w", called, err)
	}
	// Upstream's identity is the host's name, a pod's in a pod, and a UID.
	pod = *lease.Spec.HolderIdentity
	if i := strings.LastIndexByte(pod, '_'); i > 0 {
		pod = pod[:i]
	}
	return pod, host, cmp.Or(port, podPort), nil
}

// pinned is a client with the kubeconfig's credentials that talks to the server with the certificate only. Credentials are sent once
// that is verified.
func pinned(config *rest.Config, fingerprint string) (*http.Client, error) {
	own := rest.CopyConfig(config)
	// What the kubeconfig says of the API server's certificate says nothing of the scheduler's.
	own.ServerName, own.Insecure, own.CAData, own.CAFile = "", true, nil, ""
	tls, err := rest.TLSConfigFor(own)
	if err != nil {
		return nil, err
	}
	verify := serving.Verify(fingerprint)
	if tls != nil {
		verify.Certificates, verify.GetClientCertificate = tls.Certificates, tls.GetClientCertificate
	}
	// No proxy: the kubeconfig's leads to the API server, and what is asked here is on this machine or forwarded.
	wrapped, err := rest.HTTPWrappersForConfig(own, &http.Transport{TLSClientConfig: verify})
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: wrapped, Timeout: config.Timeout}, nil
}

// direct is a client of a scheduler whose certificate an authority has signed.
func (a *Asker) direct(config *rest.Config) (*http.Client, error) {
	config = rest.CopyConfig(config)
	config.ServerName = "" // The name is the API server's.
	if a.caFile != "" {
		if _, err := os.Stat(a.caFile); err != nil {
			return nil, fmt.Errorf("--scheduler-ca: %w", err)
		}
		config.CAData, config.CAFile, config.Insecure = nil, a.caFile, false
	}
	if host, _, err := net.SplitHostPort(a.address); err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback()) {
		// The proxy of the kubeconfig leads to the API server. This machine is not behind it.
		config.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	}
	return rest.HTTPClientFor(config)
}
