// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package metricsapi reads usage from the metrics.k8s.io API, which metrics-server and
// the Prometheus adapter serve: CPU and memory of every node and pod, in two list calls
// however large the cluster is.
package metricsapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"
	"k8s.io/metrics/pkg/client/clientset/versioned"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded"
)

const (
	// maxItems of one list, as of a Prometheus' answer: more than Kubernetes' largest clusters have pods.
	maxItems = 300_000
	// maxBytes of one list, decompressed: 150,000 pods with few labels come to 35 MB in protobuf and 51 MB in JSON. It is read
	// item by item, so memory is used for the samples that come of it, and not for what it weighs.
	maxBytes = 128 << 20
	// maxRefusal is how much of an answer is read that is none.
	maxRefusal = 64 << 10
)

// Source reads metrics.k8s.io. It needs the right to list nodes and pods there.
type Source struct {
	client   rest.Interface
	warnings *warnings
	maxItems int
}

var _ usage.Source = &Source{}

// NewForConfig returns a source that asks the API server of config. It prefers protobuf, which decodes several times faster than
// JSON, and takes JSON from servers that have nothing else.
func NewForConfig(config *rest.Config) (*Source, error) {
	return newForConfig(config, maxItems, maxBytes)
}

func newForConfig(config *rest.Config, items int, bytes int64) (*Source, error) {
	config = rest.CopyConfig(config)
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	s := &Source{warnings: &warnings{}, maxItems: items}
	config.WarningHandler, config.WarningHandlerWithContext = s.warnings, nil
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return bounding{next, bytes} })
	client, err := versioned.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client of metrics.k8s.io: %w", err)
	}
	s.client = client.MetricsV1beta1().RESTClient()
	return s, nil
}

// Name is the name of the API group.
func (*Source) Name() string {
	return metricsv1beta1.GroupName
}

// Read lists the metrics of all nodes and of all pods. A failure of either is an error:
// the two come from one server, and half a reading would look like half a cluster.
func (s *Source) Read(ctx context.Context) (usage.Reading, error) {
	reading := usage.Reading{Start: time.Now()}
	s.warnings.texts = nil
	err := s.list(ctx, "nodes", func(i *item) error {
		if i.name == "" {
			reading.Dropped[usage.Nameless]++
			return nil
		}
		reading.Nodes = append(reading.Nodes, usage.NodeSample{Node: i.name, Sample: i.sample()})
		return nil
	})
	if err != nil {
		return usage.Reading{}, fmt.Errorf("listing node metrics: %w", err)
	}
	// There may be no pods. But metrics-server answers without nodes only while it has not
	// scraped them, or cannot.
	if len(reading.Nodes) == 0 {
		return usage.Reading{}, fmt.Errorf("listing node metrics: %w", usage.ErrEmpty)
	}
	err = s.list(ctx, "pods", func(i *item) error {
		if i.name == "" || i.namespace == "" {
			reading.Dropped[usage.Nameless]++
			return nil
		}
		// The metrics of a pod carry neither its UID nor its node.
		reading.Pods = append(reading.Pods, usage.PodSample{Namespace: i.namespace, Name: i.name, Sample: i.sample()})
		return nil
	})
	if err != nil {
		return usage.Reading{}, fmt.Errorf("listing pod metrics: %w", err)
	}
	reading.Warnings = s.warnings.texts
	reading.End = time.Now()
	return reading, nil
}

// list hands each the items of a list, in the order of the answer.
func (s *Source) list(ctx context.Context, resource string, each func(*item) error) error {
	body, err := s.client.Get().Resource(resource).VersionedParams(&metav1.ListOptions{}, metav1.ParameterCodec).Stream(ctx)
	if err != nil {
		return err
	}
	defer body.Close()
	items := 0
	return readList(body, resource == "pods", func(i *item) error {
		if items++; items > s.maxItems {
			return fmt.Errorf("%w: more than %d items", bounded.ErrTooLarge, s.maxItems)
		}
		return each(i)
	})
}

// bounding bounds the answers before client-go or anybody reads them.
type bounding struct {
	next  http.RoundTripper
	bytes int64
}

func (b bounding) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(r)
	if err != nil || response.Body == nil {
		return response, err
	}
	body := struct {
		io.Reader
		io.Closer
	}{bounded.Reader(response.Body, b.bytes), response.Body}
	if response.StatusCode != http.StatusOK {
		body.Reader = io.LimitReader(response.Body, maxRefusal)
	}
	response.Body = body
	return response, nil
}

// warnings of the API server, which client-go would log, whatever their length. One reader at a time asks.
type warnings struct{ texts []string }

// HandleWarningHeader is called by the client.
func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.texts = usage.AddWarning(w.texts, text)
}
