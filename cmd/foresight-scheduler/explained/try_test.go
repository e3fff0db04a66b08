// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package explained

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/decision/evaluate"
)

func pods(pod string, names ...string) *decision.TrialPods {
	return &decision.TrialPods{Pod: json.RawMessage(pod), Names: names}
}

const plainPod = `{"metadata":{"name":"a","namespace":"blue"},"spec":{"containers":[{"name":"c","image":"i"%s}]}}`

// Plugins are shown pods as the API server makes them: whole, and each once.
func TestPodsAreAsTheAPIServerMakesThem(t *testing.T) {
	all, err := podsOf(pods(fmt.Sprintf(plainPod, `,"resources":{"requests":{"cpu":"1"}}`), "a-1", "a-2"), 10)
	if err != nil || len(all) != 2 {
		t.Fatalf("%d pods, %v", len(all), err)
	}
	if all[0].Name != "a-1" || all[1].Name != "a-2" || all[0].UID == all[1].UID || all[0].UID == "" {
		t.Errorf("%s (%s) and %s (%s)", all[0].Name, all[0].UID, all[1].Name, all[1].UID)
	}
	if all[0].Spec.SchedulerName != v1.DefaultSchedulerName || all[0].Spec.RestartPolicy != v1.RestartPolicyAlways {
		t.Errorf("there are no defaults: %+v", all[0].Spec)
	}
}

// What others write is bounded before it is parsed, and told by its field.
func TestPodsThatAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		pods *decision.TrialPods
		want string
	}{
		"a slow quantity":         {pods(fmt.Sprintf(plainPod, `,"resources":{"limits":{"cpu":"1e-9999999"}}`)), "spec.containers[].resources.limits.cpu"},
		"a slow escaped one":      {pods(fmt.Sprintf(plainPod, `,"resources":{"limits":{"cpu":"1\u0065-9999999"}}`)), "two digits"},
		"a slow one named twice":  {pods(fmt.Sprintf(plainPod, `,"resources":{"limits":{"cpu":"1e-9999999","cpu":"1e-9999998"}}`)), "two digits"},
		"an unknown field":        {pods(fmt.Sprintf(plainPod, `,"resourses":{}`)), `unknown field "spec.containers[0].resourses"`},
		"no container":            {pods(`{"metadata":{"name":"a","namespace":"b"},"spec":{}}`), "spec.containers: Required"},
		"no namespace":            {pods(`{"metadata":{"name":"a"},"spec":{"containers":[{"name":"c","image":"i"}]}}`), "metadata.namespace: Required"},
		"a negative request":      {pods(fmt.Sprintf(plainPod, `,"resources":{"requests":{"cpu":"-1"}}`)), "must be greater than or equal to 0"},
		"no name":                 {pods(fmt.Sprintf(plainPod, ""), "A B"), "names[0]"},
		"no JSON":                 {pods("{"), "unexpected"},
		"no pod":                  {pods("[]"), "cannot unmarshal"},
		"a huge one":              {pods(fmt.Sprintf(plainPod, `,"command":["`+strings.Repeat("x", decision.MaxTrialPodBytes)+`"]`)), "65536 bytes"},
		"too many":                {pods(fmt.Sprintf(plainPod, ""), make([]string, 11)...), "1000 pods"},
		"a selector of nonsense":  {pods(`{"metadata":{"name":"a","namespace":"b"},"spec":{"containers":[{"name":"c","image":"i"}],"affinity":{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"x","labelSelector":{"matchExpressions":[{"key":"a","operator":"Near"}]}}]}}}}`), "operator"},
		"a number as an exponent": {pods(`{"metadata":{"name":"a","namespace":"b"},"spec":{"overhead":{"cpu":"1E+0001000"},"containers":[{"name":"c","image":"i"}]}}`), "spec.overhead.cpu"},
	} {
		began := time.Now()
		if _, err := podsOf(tc.pods, 10); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, tc.want)
		} else if len(err.Error()) > 1000 {
			t.Errorf("%s: the error has %d bytes", name, len(err.Error()))
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s: refused after %s", name, took)
		}
	}
	// A hash may look like a number.
	if _, err := podsOf(pods(`{"metadata":{"name":"a","namespace":"b","labels":{"pod-template-hash":"8e10234"}},"spec":{"nodeSelector":{"x":"1e999"},"containers":[{"name":"c","image":"i"}]}}`), 10); err != nil {
		t.Error(err)
	}
}

func TestTrialsThatAreRefused(t *testing.T) {
	many := fmt.Sprintf(`{"pods":[{"pod":%s,"names":[%s"x"]}]}`, fmt.Sprintf(plainPod, ""), strings.Repeat(`"x",`, decision.MaxTrialPods))
	var containers []string
	for i := range 200 {
		containers = append(containers, fmt.Sprintf(`{"name":"c%d","image":"i"}`, i))
	}
	large := `{"pod":{"metadata":{"name":"a","namespace":"b"},"spec":{"containers":[` + strings.Join(containers, ",") + `]}}},`
	for name, tc := range map[string]struct {
		body, method string
		kind         string // of content
		change       func(*Handler)
		code         int
		want         string
	}{
		"empty":          {body: "{}", code: 400, want: "neither pods"},
		"a form":         {body: "{}", kind: "text/plain", code: 415, want: "application/json"},
		"no JSON":        {body: "nodes", code: 400, want: "the trial"},
		"unknown field":  {body: `{"without":["a"]}`, code: 400, want: `unknown field "without"`},
		"too large":      {body: `{"x":"` + strings.Repeat("x", decision.MaxTrialBytes) + `"}`, code: 413, want: "2097152 bytes"},
		"too many pods":  {body: many, code: 400, want: "pods[0]: a trial may have 1000 pods"},
		"containers":     {body: `{"pods":[` + strings.Repeat(large, 60) + `{}]}`, code: 400, want: "pods[50]: there are more than 10000 containers"},
		"another trial":  {body: "{}", change: func(h *Handler) { h.trying <- struct{}{} }, code: 429, want: "one trial at a time"},
		"not the leader": {body: "{}", change: func(h *Handler) { h.Leads = func() bool { return false } }, code: 503, want: "does not lead"},
		"get":            {method: http.MethodGet, code: 405},
		"configuration":  {body: `{"withoutNodes":["a"],"configuration":{"x":"` + strings.Repeat("x", decision.MaxTrialConfigurationBytes) + `"}}`, change: func(h *Handler) { h.Another = anotherOfNone }, code: 413, want: "131072 bytes"},
		"slow quantity":  {body: `{"withoutNodes":["a"],"configuration":{"defaultRequests":{"cpu":"1e-9999999"}}}`, change: func(h *Handler) { h.Another = anotherOfNone }, code: 400, want: "configuration: defaultRequests.cpu"},
	} {
		t.Run(name, func(t *testing.T) {
			h := &Handler{Profiles: []string{"foresight-scheduler"}}
			served := h.Ready()
			if tc.change != nil {
				tc.change(h)
			}
			if tc.method == "" {
				tc.method = http.MethodPost
			}
			w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), tc.method, "/foresight/v1/try", strings.NewReader(tc.body))
			r.Header.Set("Content-Type", cmp.Or(tc.kind, "application/json"))
			served.ServeHTTP(w, r)
			if w.Code != tc.code || !strings.Contains(w.Body.String(), tc.want) {
				t.Errorf("%d %.300s, want %d with %q", w.Code, w.Body, tc.code, tc.want)
			}
			if (w.Header().Get("Retry-After") != "") != (tc.code == 429) {
				t.Errorf("%d has Retry-After %q", w.Code, w.Header().Get("Retry-After"))
			}
		})
	}
}

func anotherOfNone(context.Context, []byte) (*evaluate.Profiles, string, error) {
	return nil, "", errors.New("it was asked")
}

// Pods of a workload that a trial replaces are known by their controller, and a pod without one by its name.
func TestAnew(t *testing.T) {
	replaced := anew([]decision.TrialWorkload{{Namespace: "b", Kind: "Deployment", Name: "web"}, {Namespace: "b", Kind: "Pod", Name: "one"}})
	of := func(namespace, name string) *v1.Pod {
		return &v1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	}
	web := of("b", "web-5f-x")
	web.Labels = map[string]string{"pod-template-hash": "5f"}
	web.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "web-5f", Controller: ptr.To(true)}}
	elsewhere := web.DeepCopy()
	elsewhere.Namespace = "c"
	for name, tc := range map[string]struct {
		pod  *v1.Pod
		want bool
	}{"of the Deployment": {web, true}, "of another namespace": {elsewhere, false}, "the pod": {of("b", "one"), true}, "another pod": {of("b", "two"), false}} {
		if got := replaced(tc.pod); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
