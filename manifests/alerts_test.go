// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The alerts join an overlay, and ask for metrics that the documentation has; tests of the packages hold the documentation against
// what is served. What they say of data is tested in test/alerts, by Prometheus itself.
func TestAlerts(t *testing.T) {
	type rules struct {
		APIVersion, Kind string
		Metadata         struct{ Name, Namespace string }
		Spec             struct {
			Groups []struct {
				Name  string
				Rules []struct {
					Record, Alert, Expr, For string
					Labels, Annotations      map[string]string
				}
			}
		}
	}
	rule := into[rules](t, kustomized(t, "components: [components/prometheus-rule]\nnamespace: other\n", nil), "PrometheusRule", "")
	if rule.Metadata.Namespace != "other" {
		t.Errorf("the alerts are in namespace %s", rule.Metadata.Namespace)
	}
	documented := map[string]bool{}
	var pages []string
	for _, pattern := range []string{"../docs/*/*.md", "../docs/reference/plugins/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	for _, page := range pages {
		if filepath.Base(page) == "alerts.md" {
			continue
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile("`foresight_[a-z_]+").FindAllString(string(text), -1) {
			documented[strings.TrimPrefix(name, "`")] = true
		}
	}
	names := regexp.MustCompile(`foresight_[a-z_]+`)
	page, err := os.ReadFile("../docs/operate/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names.FindAllString(string(page), -1) {
		if !documented[name] {
			t.Errorf("docs/operate/alerts.md looks at %s, which no page documents", name)
		}
	}
	for _, g := range rule.Spec.Groups {
		for _, r := range g.Rules {
			if r.Alert != "" && (r.Annotations["summary"] == "" || r.Annotations["description"] == "" || r.Labels["severity"] == "") {
				t.Errorf("%s: %v %v", r.Alert, r.Labels, r.Annotations)
			}
			for _, name := range names.FindAllString(r.Expr, -1) {
				if !documented[name] {
					t.Errorf("%s%s asks for %s, which no page documents", r.Record, r.Alert, name)
				}
			}
		}
	}
}
