// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"

	"github.com/foresight-scheduler/foresight/config"
)

// An onlooker that would keep others from placing pods, or could serve nothing, is refused by the field that says so.
func TestOnlookersThatAreRefused(t *testing.T) {
	good := func() *kubeschedulerconfig.KubeSchedulerConfiguration {
		cfg := &kubeschedulerconfig.KubeSchedulerConfiguration{Profiles: []kubeschedulerconfig.KubeSchedulerProfile{{SchedulerName: "foresight-shadow",
			PluginConfig: []kubeschedulerconfig.PluginConfig{{Name: config.ShadowName, Args: &config.ShadowArgs{
				SchedulerNames: []string{"default-scheduler"}, Decisions: 100, MaxBytes: 1 << 20, CPUPercent: 50,
			}}}}}}
		cfg.LeaderElection.LeaderElect, cfg.LeaderElection.ResourceName = true, "foresight-shadow"
		return cfg
	}
	kept := &decisions{}
	if o, err := newOnlooker(good(), kept); err != nil || o == nil || o.profile != "foresight-shadow" {
		t.Fatalf("%+v, %v", o, err)
	}
	none := good()
	none.Profiles[0].PluginConfig = nil
	if o, err := newOnlooker(none, kept); o != nil || err != nil {
		t.Errorf("without args: %+v, %v", o, err)
	}
	for want, change := range map[string]func(*kubeschedulerconfig.KubeSchedulerConfiguration){
		"leaderElection.resourceName": func(c *kubeschedulerconfig.KubeSchedulerConfiguration) { c.LeaderElection.ResourceName = leaseName },
		"profiles[0].schedulerName: \"default-scheduler\"": func(c *kubeschedulerconfig.KubeSchedulerConfiguration) {
			c.Profiles[0].SchedulerName = "default-scheduler"
		},
		"pluginConfig[Shadow].args.cpuPercent": func(c *kubeschedulerconfig.KubeSchedulerConfiguration) {
			c.Profiles[0].PluginConfig[0].Args.(*config.ShadowArgs).CPUPercent = 0
		},
		"profiles[1].pluginConfig[Shadow]: it stands in ano": func(c *kubeschedulerconfig.KubeSchedulerConfiguration) {
			c.Profiles = append(c.Profiles, c.Profiles[0])
		},
	} {
		cfg := good()
		change(cfg)
		if _, err := newOnlooker(cfg, kept); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
	if _, err := newOnlooker(good(), nil); err == nil || !strings.Contains(err.Error(), "pluginConfig[Decisions].args.records must be more than 0") {
		t.Errorf("without decisions: %v", err)
	}
}

// Whatever a plugin would write by an onlooker's client does not leave the process.
func TestOnlookersClientReadsOnly(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = append(got, r.Method) }))
	defer server.Close()
	client := http.Client{Transport: &readOnly{http.DefaultTransport}}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if reads := method == http.MethodGet || method == http.MethodHead; reads != (err == nil) || err != nil && !errors.Is(err, errOnlooker) {
			t.Errorf("%s: %v", method, err)
		}
		if err == nil {
			response.Body.Close()
		}
	}
	if len(got) != 2 {
		t.Errorf("the server saw %v", got)
	}
}
