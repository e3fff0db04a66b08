// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package explained

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// A pod that was moved is told of by its name when it is gone, and its successor by its UID; of a pod that nobody knows there is nothing to tell.
func TestExplainTellsOfMoves(t *testing.T) {
	pods := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	successor := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-8", UID: "8"}, Spec: v1.PodSpec{NodeName: "node-5", SchedulerName: "mine"}}
	if err := pods.Add(successor); err != nil {
		t.Fatal(err)
	}
	ring := decision.NewRing(4, 1<<20)
	ring.Add(decision.Record{Pod: decision.Pod{Namespace: "shop", Name: "web-8", UID: "8"}, Profile: "mine", Node: "node-5"}).Evaluated(&decision.Evaluation{Because: "it is idle"})
	ring.Add(decision.Record{Pod: decision.Pod{Namespace: "shop", Name: "web-7", UID: "7"}, Profile: "mine", Node: "node-3"}).Evaluated(&decision.Evaluation{Because: "it had room"})
	h := &Handler{Ring: ring, Pods: corelisters.NewPodLister(pods), Profiles: []string{"mine"}, Moves: func(namespace, name, uid string) ([]decision.Move, *decision.Stays) {
		switch {
		case name == "web-7" && uid == "":
			return []decision.Move{{Pod: "web-7", Successor: "web-8"}}, nil
		case uid == "8":
			return []decision.Move{{Pod: "web-7", Successor: "web-8"}}, &decision.Stays{Reason: "too-soon"}
		}
		return nil, nil
	}}
	served := h.Ready()
	ask := func(pod string) (*decision.Explanation, int) {
		w := httptest.NewRecorder()
		served.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/foresight/v1/explain?namespace=shop&pod="+pod, nil))
		x := &decision.Explanation{}
		if w.Code == http.StatusOK {
			if err := json.Unmarshal(w.Body.Bytes(), x); err != nil {
				t.Fatal(err)
			}
		}
		return x, w.Code
	}
	if x, code := ask("web-7"); code != http.StatusOK || !x.Gone || len(x.Moves) != 1 || x.Record == nil || x.Node != "node-3" || x.Evaluation == nil || x.Evaluation.Because != "it had room" {
		t.Errorf("the pod that is gone: %d %+v", code, x)
	}
	if x, code := ask("web-8"); code != http.StatusOK || x.Gone || len(x.Moves) != 1 || x.Stays == nil || x.Evaluation == nil || x.Evaluation.Because != "it is idle" {
		t.Errorf("its successor: %d %+v", code, x)
	}
	if _, code := ask("web-9"); code != http.StatusNotFound {
		t.Errorf("a pod that nobody knows: %d", code)
	}
}
