// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package metricsapi

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"
	"k8s.io/metrics/pkg/client/clientset/versioned/scheme"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// BenchmarkCycle is one cycle at a large cluster, 15,000 nodes and 150,000 pods of one
// to three containers: what the client, the source and the cleaner cost, without the
// network and the server. The goal is less than a second of CPU time.
func BenchmarkCycle(b *testing.B) {
	for _, mediaType := range []string{runtime.ContentTypeProtobuf, runtime.ContentTypeJSON} {
		b.Run(mediaType[strings.LastIndexAny(mediaType, "/.")+1:], func(b *testing.B) {
			at := time.Now().Truncate(time.Second)
			nodes, pods := bodies(b, mediaType, 15_000, 150_000, at)
			source, err := NewForConfig(&rest.Config{
				Host: "http://in-memory",
				Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					body := nodes
					if strings.HasSuffix(r.URL.Path, "/pods") {
						body = pods
					}
					return &http.Response{
						StatusCode: http.StatusOK,
						Header:     http.Header{"Content-Type": {mediaType}},
						Body:       io.NopCloser(bytes.NewReader(body)),
						Request:    r,
					}, nil
				}),
			})
			if err != nil {
				b.Fatal(err)
			}
			machine := func(string) (usage.Machine, bool) { return usage.Machine{Cores: 64, Bytes: 256 << 30}, true }
			cleaner := usage.NewCleaner(usage.DefaultBounds(), machine)
			b.ReportAllocs()
			var cleaning time.Duration
			before := cpuTime(b)
			cycle := 0
			for b.Loop() {
				reading, err := source.Read(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				// A server's answer moves on from cycle to cycle; these bytes do not.
				shift := time.Duration(cycle) * time.Millisecond
				cycle++
				for i := range reading.Nodes {
					reading.Nodes[i].Time = reading.Nodes[i].Time.Add(shift)
				}
				for i := range reading.Pods {
					reading.Pods[i].Time = reading.Pods[i].Time.Add(shift)
				}
				start := time.Now()
				reading = cleaner.Clean(at.Add(time.Second), reading)
				cleaning += time.Since(start)
				if len(reading.Nodes) != 15_000 || len(reading.Pods) != 150_000 {
					b.Fatalf("%d nodes, %d pods, dropped %v", len(reading.Nodes), len(reading.Pods), reading.Dropped)
				}
			}
			b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(cleaning.Nanoseconds())/float64(b.N), "clean-ns/op")
			b.ReportMetric(float64(len(nodes)+len(pods)), "wire-bytes")
		})
	}
}

// cpuTime of this process so far, the garbage collector's included.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// bodies returns the encoded lists as metrics-server sends them.
func bodies(tb testing.TB, mediaType string, nodes, pods int, at time.Time) (nodeList, podList []byte) {
	tb.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	amounts := func() corev1.ResourceList {
		return corev1.ResourceList{
			corev1.ResourceCPU:    *resource.NewScaledQuantity(random.Int64N(4e9), resource.Nano),
			corev1.ResourceMemory: *resource.NewQuantity(random.Int64N(1<<23)<<10, resource.BinarySI),
		}
	}
	window := metav1.Duration{Duration: 15 * time.Second}
	var n metricsv1beta1.NodeMetricsList
	for i := range nodes {
		n.Items = append(n.Items, metricsv1beta1.NodeMetrics{
			ObjectMeta: metav1.ObjectMeta{
				Name:   fmt.Sprintf("node-%05d", i),
				Labels: map[string]string{"kubernetes.io/hostname": fmt.Sprintf("node-%05d", i), "kubernetes.io/arch": "amd64"},
			},
			Timestamp: metav1.Time{Time: at}, Window: window, Usage: amounts(),
		})
	}
	var p metricsv1beta1.PodMetricsList
	for i := range pods {
		m := metricsv1beta1.PodMetrics{
			ObjectMeta: metav1.ObjectMeta{
				Name: fmt.Sprintf("web-7d4b9c6f5d-%06d", i), Namespace: fmt.Sprintf("team-%03d", i%400),
				Labels: map[string]string{"app": "web", "pod-template-hash": "7d4b9c6f5d"},
			},
			Timestamp: metav1.Time{Time: at}, Window: window,
		}
		for c := range 1 + i%3 {
			m.Containers = append(m.Containers, metricsv1beta1.ContainerMetrics{Name: fmt.Sprintf("c%d", c), Usage: amounts()})
		}
		p.Items = append(p.Items, m)
	}
	info, ok := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), mediaType)
	if !ok {
		tb.Fatalf("no serializer of %s", mediaType)
	}
	encoder := scheme.Codecs.EncoderForVersion(info.Serializer, metricsv1beta1.SchemeGroupVersion)
	encode := func(o runtime.Object) []byte {
		data, err := runtime.Encode(encoder, o)
		if err != nil {
			tb.Fatal(err)
		}
		return data
	}
	return encode(&n), encode(&p)
}
