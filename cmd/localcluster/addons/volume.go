// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package addons

import (
	"fmt"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// foresightVolume is where the Deployment mounts the volume that the scheduler keeps files in.
const foresightVolume = "/var/lib/foresight"

// withVolume has every path below the volume name a file in dir.
func withVolume(config []byte, dir string) ([]byte, error) {
	var object any
	if err := yaml.Unmarshal(config, &object); err != nil {
		return nil, fmt.Errorf("parsing the scheduler's configuration: %w", err)
	}
	return yaml.Marshal(move(object, dir))
}

// move returns the value with the paths in it changed.
func move(value any, dir string) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			v[key] = move(v[key], dir)
		}
	case []any:
		for i := range v {
			v[i] = move(v[i], dir)
		}
	case string:
		if rest, ok := strings.CutPrefix(v, foresightVolume+"/"); ok {
			return filepath.Join(dir, rest)
		}
	}
	return value
}
