// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package leader

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/cobra"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/foresight-scheduler/foresight/plugins/decision/serving"
)

// scene is a scheduler, and an API server that knows its Lease.
type scene struct {
	t         *testing.T
	scheduler *httptest.Server
	lease     *coordinationv1.Lease // nil is none
	asked     atomic.Int32          // requests that reached the scheduler
	answer    func(w http.ResponseWriter, r *http.Request)
	asker     *Asker
	cmd       *cobra.Command
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, answer: func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"path": %q, "token": %q}`, r.URL.RequestURI(), r.Header.Get("Authorization"))
	}}
	s.scheduler = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		s.answer(w, r)
	}))
	t.Cleanup(s.scheduler.Close)
	holder := "machine_3d1f"
	s.lease = &coordinationv1.Lease{
		TypeMeta:   metav1.TypeMeta{APIVersion: "coordination.k8s.io/v1", Kind: "Lease"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "foresight-system", Name: "foresight-scheduler", Labels: serving.Labels(s.scheduler.Certificate().Raw, s.scheduler.Listener.Addr())},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &holder},
	}
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if s.lease != nil && r.URL.Path == "/apis/coordination.k8s.io/v1/namespaces/foresight-system/leases/foresight-scheduler" {
			_ = json.NewEncoder(w).Encode(s.lease)
			return
		}
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404, "message": "not found"}`)
	}))
	t.Cleanup(api.Close)
	authority := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw}))
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, []byte(`{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}],
		users: [{name: u, user: {token: secret}}], clusters: [{name: c, cluster: {server: "`+api.URL+`", certificate-authority-data: `+authority+`}}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	config := genericclioptions.NewConfigFlags(true)
	config.KubeConfig = &kubeconfig
	s.asker = New(config)
	s.cmd = &cobra.Command{}
	s.asker.AddFlags(s.cmd)
	return s
}

func (s *scene) get() (map[string]string, error) {
	answer := map[string]string{}
	err := s.asker.Get(s.t.Context(), "nodes", url.Values{"a": {"b c"}}, &answer)
	return answer, err
}

func TestTheLeaderIsFoundByItsLease(t *testing.T) {
	s := newScene(t)
	got, err := s.get()
	if err != nil || got["path"] != "/foresight/v1/nodes?a=b+c" {
		t.Errorf("%v, %v", got, err)
	}
	if got["token"] != "Bearer secret" {
		t.Errorf("the scheduler was shown %q", got["token"])
	}
}

// A question is sent as JSON, and what it takes to ask is said.
func TestQuestionsArePosted(t *testing.T) {
	s := newScene(t)
	s.answer = func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, `{"method": %q, "path": %q, "type": %q, "body": %q}`, r.Method, r.URL.Path, r.Header.Get("Content-Type"), body)
	}
	answer := map[string]string{}
	if err := s.asker.Post(t.Context(), "try", map[string]int{"a": 1}, &answer, time.Minute); err != nil {
		t.Fatal(err)
	}
	if want := (map[string]string{"method": "POST", "path": "/foresight/v1/try", "type": "application/json", "body": `{"a":1}`}); !maps.Equal(answer, want) {
		t.Errorf("%v, want %v", answer, want)
	}
	s.answer = func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) }
	if err := s.asker.Post(t.Context(), "try", nil, &answer, time.Minute); err == nil || !strings.Contains(err.Error(), "may post the path /foresight/v1/try, as the ClusterRole foresight-trials allows") {
		t.Errorf("forbidden: %v", err)
	}
}

// A server that has the leader's address and not its certificate is shown nothing.
func TestAnotherCertificateIsRefused(t *testing.T) {
	s := newScene(t)
	s.lease.Labels[serving.CertificateLabel] = serving.Fingerprint([]byte("the leader's"))
	if _, err := s.get(); err == nil || !strings.Contains(err.Error(), "published in its Lease") || s.asked.Load() != 0 {
		t.Errorf("%v, and the server was asked %d times", err, s.asked.Load())
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	refuse := func(code int, body string) func(*scene) {
		return func(s *scene) {
			s.answer = func(w http.ResponseWriter, _ *http.Request) { http.Error(w, body, code) }
		}
	}
	for name, tc := range map[string]struct {
		change func(*scene)
		want   string
	}{
		"no lease":        {func(s *scene) { s.lease = nil }, "looking for the scheduler that leads"},
		"nobody leads":    {func(s *scene) { s.lease.Spec.HolderIdentity = new(string) }, "nobody holds the Lease foresight-system/foresight-scheduler"},
		"an older leader": {func(s *scene) { s.lease.Labels = nil }, "older than this command"},
		"401":             {refuse(401, "no"), "foresight-reader"},
		"403":             {refuse(403, "no"), "may get the path /foresight/v1/nodes"},
		"no such path":    {refuse(404, "404 page not found"), "does not serve /foresight/v1/nodes"},
		"no such pod":     {refuse(404, "pod a/b: the scheduler knows none of that name"), "knows none of that name"},
		"not the leader":  {refuse(503, "this scheduler does not lead"), "does not lead"},
		"no JSON":         {func(s *scene) { s.answer = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") } }, "the scheduler's answer"},
		"a lease's name":  {func(s *scene) { _ = s.cmd.Flags().Set("scheduler-lease", "x") }, "--scheduler-lease"},
		"an authority":    {func(s *scene) { _ = s.cmd.Flags().Set("scheduler-ca", "x") }, "--scheduler-address"},
		"no such file": {func(s *scene) {
			_ = s.cmd.Flags().Set("scheduler-address", "127.0.0.1:1")
			_ = s.cmd.Flags().Set("scheduler-ca", "/does/not/exist")
		}, "--scheduler-ca"},
		"labels of others": {func(s *scene) { s.lease.Labels[serving.PortLabel] = "x" }, "is no port"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			tc.change(s)
			if _, err := s.get(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one that says %q", err, tc.want)
			}
		})
	}
}
