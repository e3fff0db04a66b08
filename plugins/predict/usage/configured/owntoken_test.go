// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package configured

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/rest"
)

// A token is the scheduler's own by whatever file it comes in, and whenever it was made.
func TestOwnTokenIsNotSent(t *testing.T) {
	dir := t.TempDir()
	token := func(name, subject, id string) string {
		claims := fmt.Sprintf(`{"iss":"https://kubernetes.default.svc","sub":"system:serviceaccount:foresight-system:%s","jti":"%s"}`, subject, id)
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("e30."+base64.RawURLEncoding.EncodeToString([]byte(claims))+".c2ln\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	own := token("own", "foresight-scheduler", "1")
	link := filepath.Join(dir, "link")
	if err := os.Symlink(own, link); err != nil {
		t.Fatal(err)
	}
	opaque := filepath.Join(dir, "opaque")
	if err := os.WriteFile(opaque, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := field.NewPath("kubelet")
	for name, tc := range map[string]struct {
		file    string
		config  rest.Config
		allowed bool
		refused bool
	}{
		"the same file":              {file: own, config: rest.Config{BearerTokenFile: own}, refused: true},
		"a link to it":               {file: link, config: rest.Config{BearerTokenFile: own}, refused: true},
		"another of the same name":   {file: token("later", "foresight-scheduler", "2"), config: rest.Config{BearerTokenFile: own}, refused: true},
		"the same, given as text":    {file: opaque, config: rest.Config{BearerToken: "secret"}, refused: true},
		"an explicit word":           {file: own, config: rest.Config{BearerTokenFile: own}, allowed: true},
		"another ServiceAccount's":   {file: token("usage", "foresight-scheduler-usage", "3"), config: rest.Config{BearerTokenFile: own}},
		"beside a client's key":      {file: opaque, config: rest.Config{}},
		"a file that is not there":   {file: filepath.Join(dir, "none"), config: rest.Config{BearerTokenFile: own}},
		"none":                       {config: rest.Config{BearerTokenFile: own}},
		"a folder, for who reads it": {file: dir, config: rest.Config{BearerTokenFile: own}},
	} {
		err := refuseOwnToken(path, tc.file, tc.allowed, &tc.config)
		if (err != nil) != tc.refused || err != nil && !strings.Contains(err.Error(), "kubelet.tokenFile: Forbidden") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
