// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package complete

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/utils/ptr"
)

// Names come from the cluster; where there is none, or it does not answer, the shell completes nothing, soon and without a word.
func TestNames(t *testing.T) {
	stuck := make(chan struct{})
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		items := map[string]string{"/api/v1/nodes": `{"metadata":{"name":"node-0"}},{"metadata":{"name":"node-1"}},{"metadata":{"name":"other"}}`,
			"/api/v1/namespaces/shop/pods": `{"metadata":{"name":"web-0"}},{"metadata":{"name":"db-0"}}`}[r.URL.Path]
		if strings.HasPrefix(r.URL.Path, "/api/v1/namespaces/stuck") {
			<-stuck
		}
		if items == "" {
			w.WriteHeader(http.StatusForbidden)
		}
		kind := map[bool]string{true: "NodeList", false: "PodList"}[r.URL.Path == "/api/v1/nodes"]
		fmt.Fprintf(w, `{"kind":%q,"apiVersion":"v1","items":[%s]}`, kind, items)
	}))
	defer api.Close()
	defer close(stuck)
	config := func(server, namespace string) *genericclioptions.ConfigFlags {
		c := genericclioptions.NewConfigFlags(false)
		c.KubeConfig, c.APIServer, c.Namespace = ptr.To("/dev/null"), &server, &namespace
		return c
	}
	for name, tc := range map[string]struct {
		complete Function
		args     []string
		typed    string
		want     []string
	}{
		"nodes":           {Nodes(config(api.URL, "")), nil, "node-", []string{"node-0", "node-1"}},
		"not named yet":   {Nodes(config(api.URL, "")), []string{"node-1"}, "", []string{"node-0", "other"}},
		"pods":            {Pods(config(api.URL, "shop")), nil, "", []string{"web-0", "db-0"}},
		"one pod":         {Pods(config(api.URL, "shop")), []string{"web-0"}, "", nil},
		"not allowed":     {Pods(config(api.URL, "secret")), nil, "", nil},
		"out of reach":    {Nodes(config("https://127.0.0.1:1", "")), nil, "", nil},
		"does not answer": {Pods(config(api.URL, "stuck")), nil, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			cmd := &cobra.Command{}
			cmd.SetContext(t.Context())
			got, directive := tc.complete(cmd, tc.args, tc.typed)
			if !slices.Equal(got, tc.want) || directive != cobra.ShellCompDirectiveNoFileComp {
				t.Errorf("%q (%d), want %q", got, directive, tc.want)
			}
			if took := time.Since(began); took > 2*patience {
				t.Errorf("it took %s", took)
			}
		})
	}
}
