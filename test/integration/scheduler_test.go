// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// A scheduler that is down loses nothing: what waited is placed when it is back, and
// what was placed stays. Killed in the middle of work, it places each pod once.
func TestRestart(t *testing.T) {
	ns := newNamespace(t)
	pool := newNodes(t, "restart", 3, nil)
	create(t, ns, newPod("before", pool, "10m"))
	before := placed(t, ns, "before")

	mustLocalcluster(t, "stop", ours)
	create(t, ns, newPod("while-down", pool, "10m"))
	mustLocalcluster(t, "start", ours)
	placed(t, ns, "while-down")
	if after := placed(t, ns, "before"); after != before {
		t.Errorf("a placed pod moved from %s to %s", before, after)
	}

	const pods = 120
	var mu sync.Mutex
	nodes := map[string]string{}
	onBound(t, ns, func(p *v1.Pod) {
		mu.Lock()
		defer mu.Unlock()
		if was, ok := nodes[p.Name]; ok && was != p.Spec.NodeName {
			t.Errorf("%s was bound to %s and then to %s", p.Name, was, p.Spec.NodeName)
		}
		nodes[p.Name] = p.Spec.NodeName
	})
	bound := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(nodes)
	}
	seen := bound()
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range pods {
			if _, err := client.CoreV1().Pods(ns).Create(context.Background(), newPod(fmt.Sprintf("burst-%d", i), pool, "10m"), metav1.CreateOptions{}); err != nil {
				t.Error(err)
			}
		}
	})
	eventually(t, "a quarter of the pods placed", func(context.Context) (bool, string) { return bound()-seen >= pods/4, fmt.Sprint(bound()) })
	kill(t, ours)
	mustLocalcluster(t, "start", ours)
	wg.Wait()
	// The dead leader's lease has to run out first.
	eventually(t, "all pods placed", func(context.Context) (bool, string) { return bound()-seen == pods, fmt.Sprint(bound()) })
}

// onBound calls f with every pod of the namespace that has a node, each time it changes.
func onBound(t *testing.T, namespace string, f func(*v1.Pod)) {
	t.Helper()
	see := func(obj any) {
		if p := obj.(*v1.Pod); p.Spec.NodeName != "" && p.DeletionTimestamp == nil {
			f(p)
		}
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	informer := factory.Core().V1().Pods().Informer()
	registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: see, UpdateFunc: func(_, obj any) { see(obj) }})
	if err != nil {
		t.Fatal(err)
	}
	factory.Start(t.Context().Done())
	if !cache.WaitForCacheSync(t.Context().Done(), registration.HasSynced) {
		t.Fatal("watching pods: never synced")
	}
	t.Cleanup(factory.Shutdown)
}

func mustLocalcluster(t *testing.T, args ...string) string {
	t.Helper()
	out, err := localcluster(args...)
	if err != nil {
		t.Fatalf("localcluster %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// component of the running cluster, as `localcluster status -o json` has it.
type component struct {
	Name     string `json:"name"`
	PID      int    `json:"pid"`
	Endpoint string `json:"endpoint"`
}

func componentNamed(t *testing.T, name string) component {
	t.Helper()
	var status struct {
		Components []component `json:"components"`
	}
	out := mustLocalcluster(t, "status", "-o", "json")
	if err := json.Unmarshal([]byte(out), &status); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	for _, c := range status.Components {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no component %s in %s", name, out)
	return component{}
}

// kill ends a component as a crash would.
func kill(t *testing.T, name string) {
	t.Helper()
	p, err := os.FindProcess(componentNamed(t, name).PID)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
}

// Two schedulers that do not know of each other fill the same nodes at once. What they
// bind at the same instant may be too much for a node; the kubelet's admission is what
// stands against that in any cluster with two schedulers, and here the test is that
// kubelet. In the end every pod runs, and no node carries more than it has.
func TestTwoSchedulersOnTheSameNodes(t *testing.T) {
	ns := newNamespace(t)
	const nodes, perNode = 4, 20 // 4 cores at 200m
	pool := newNodes(t, "shared", nodes, nil)
	admission := newAdmission(t, ns, "shared")
	var wg sync.WaitGroup
	for _, scheduler := range []string{ours, "default-scheduler"} {
		wg.Go(func() {
			for i := range nodes * perNode / 2 {
				admission.create(newSharedPod(scheduler, i, pool))
			}
		})
	}
	wg.Wait()
	eventually(t, "every pod admitted", func(context.Context) (bool, string) {
		admitted, refused := admission.counts()
		return admitted == nodes*perNode, fmt.Sprintf("%d of %d admitted, %d refused so far", admitted, nodes*perNode, refused)
	})
	_, overcommitted := admission.counts()
	t.Logf("kubelet admission refused %d of %d binds", overcommitted, nodes*perNode+overcommitted)

	// One more pod has no room, and both schedulers see that.
	for _, scheduler := range []string{ours, "default-scheduler"} {
		extra := newSharedPod(scheduler, 1000, pool)
		create(t, ns, extra)
		refused(t, ns, extra.Name, "Insufficient cpu")
	}
}

func newSharedPod(scheduler string, i int, pool map[string]string) *v1.Pod {
	p := newPod(fmt.Sprintf("%s-%d", scheduler, i), pool, "200m")
	p.Spec.SchedulerName = scheduler
	return p
}

// admission does for the pool's nodes what a kubelet does before it runs a pod: it adds
// up requests in the order of arrival and refuses what does not fit. A refused pod is
// made anew, as its controller would.
type admission struct {
	t         *testing.T
	namespace string
	room      resource.Quantity

	mu   sync.Mutex
	used map[string]*resource.Quantity
	// seen pods by UID: a kubelet judges a pod once.
	seen              map[types.UID]bool
	admitted, refused int
}

func newAdmission(t *testing.T, namespace, pool string) *admission {
	nodes, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{LabelSelector: labels.Set{nodePool: pool}.String()})
	if err != nil {
		t.Fatal(err)
	}
	a := &admission{t: t, namespace: namespace, room: nodes.Items[0].Status.Allocatable[v1.ResourceCPU], used: map[string]*resource.Quantity{}, seen: map[types.UID]bool{}}
	onBound(t, namespace, a.admit)
	return a
}

func (a *admission) admit(p *v1.Pod) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen[p.UID] {
		return
	}
	a.seen[p.UID] = true
	used, ok := a.used[p.Spec.NodeName]
	if !ok {
		used = &resource.Quantity{}
		a.used[p.Spec.NodeName] = used
	}
	with := used.DeepCopy()
	with.Add(p.Spec.Containers[0].Resources.Requests[v1.ResourceCPU])
	if with.Cmp(a.room) <= 0 {
		*used = with
		a.admitted++
		return
	}
	a.refused++
	again := newSharedPod(p.Spec.SchedulerName, 2000+a.refused, p.Spec.NodeSelector)
	zero := int64(0)
	if err := client.CoreV1().Pods(a.namespace).Delete(context.Background(), p.Name, metav1.DeleteOptions{GracePeriodSeconds: &zero}); err != nil {
		a.t.Errorf("refusing %s: %v", p.Name, err)
	}
	go a.create(again)
}

func (a *admission) create(p *v1.Pod) {
	if _, err := client.CoreV1().Pods(a.namespace).Create(context.Background(), p, metav1.CreateOptions{}); err != nil {
		a.t.Error(err)
	}
}

func (a *admission) counts() (admitted, refused int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.admitted, a.refused
}

// The scheduler's endpoint tells anyone whether it lives, and only the permitted what
// it does; and the identity of manifests/base was enough for all it wanted.
func TestEndpointsAndPermissions(t *testing.T) {
	// A scheduler that never decided has no attempts to count.
	ns := newNamespace(t)
	create(t, ns, newPod("first", nil, "1m"))
	placed(t, ns, "first")
	endpoint := componentNamed(t, ours).Endpoint
	admin, err := clientcmd.BuildConfigFromFlags("", kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := rest.HTTPClientFor(admin)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if err := rest.LoadTLSFiles(admin); err != nil {
		t.Fatal(err)
	}
	roots.AppendCertsFromPEM(admin.CAData)
	anonymous := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	for _, tc := range []struct {
		client *http.Client
		path   string
		status int
		body   string
	}{
		{anonymous, "/livez", 200, "ok"},
		{anonymous, "/readyz", 200, "ok"},
		{anonymous, "/metrics", 403, "forbidden"},
		{anonymous, "/configz", 403, "forbidden"},
		{trusted, "/metrics", 200, "scheduler_schedule_attempts_total"},
		{trusted, "/configz", 200, `"schedulerName":"foresight-scheduler"`},
		{anonymous, "/foresight/v1/decisions", 403, "forbidden"},
		{anonymous, "/foresight/v1/explain", 403, "forbidden"},
		{anonymous, "/foresight/v1/nodes", 403, "forbidden"},
		{anonymous, "/foresight/v1/workloads", 403, "forbidden"},
		{trusted, "/foresight/v1/decisions?pod=first&namespace=" + ns, 200, `"pod":{"namespace":"` + ns + `","name":"first"`},
		{trusted, "/foresight/v1/explain?pod=first&namespace=" + ns, 200, `"candidates":[{`},
		{trusted, "/foresight/v1/explain?pod=none&namespace=" + ns, 404, "none of that name"},
		{trusted, "/foresight/v1/decisions?limit=0", 400, "limit"},
		{trusted, "/foresight/v1/nodes", 200, `"name":"node-0"`},
		{trusted, "/foresight/v1/workloads", 200, `"workloads":[`},
		{trusted, "/foresight/v1/comparison", 200, `"heldOut":{"pods":0`},
		{anonymous, "/foresight/v1/qos", 403, "forbidden"},
		{anonymous, "/foresight/v1/nodes?node=node-0&misses=true", 403, "forbidden"},
		{trusted, "/foresight/v1/nodes?node=node-0&misses=true", 200, `"nodes":[{"name":"node-0"`},
		{trusted, "/foresight/v1/nodes?node=none", 404, "none of that name"},
		{trusted, "/foresight/v1/qos", 200, `"profiles":[`},
		{anonymous, "/foresight/v1/ui/", 403, "forbidden"},
		{anonymous, "/foresight/v1/ui/page.js", 403, "forbidden"},
		{trusted, "/foresight/v1/ui/", 200, "<title>Foresight</title>"},
		{trusted, "/foresight/v1/ui/page.js", 200, "nodesView"},
		{anonymous, "/foresight/v1/try", 403, "forbidden"},
		{trusted, "/foresight/v1/try", 405, "Method Not Allowed"},
	} {
		response, err := tc.client.Get(endpoint + tc.path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != tc.status || !strings.Contains(string(body), tc.body) {
			t.Errorf("GET %s: %d, %v, want %d with %q:\n%.400s", tc.path, response.StatusCode, err, tc.status, tc.body, body)
		}
	}
	// Who is nobody the API server knows is refused by each path before it is known what the path is.
	for _, path := range []string{"decisions", "explain", "nodes", "workloads", "comparison", "qos", "ui/", "try", "none"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			request, err := http.NewRequestWithContext(t.Context(), method, endpoint+"/foresight/v1/"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer nobody's")
			response, err := anonymous.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s %s with a wrong token: %s", method, path, response.Status)
			}
		}
	}

	lease, err := client.CoordinationV1().Leases("foresight-system").Get(t.Context(), ours, metav1.GetOptions{})
	if err != nil || lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" {
		t.Errorf("nobody holds the lease foresight-system/%s: %v", ours, err)
	}
	log, err := os.ReadFile(filepath.Join(clusterDir, "logs", ours+".log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "is forbidden: User") {
			t.Errorf("RBAC of manifests/base is not enough: %s", line)
		}
	}
}
