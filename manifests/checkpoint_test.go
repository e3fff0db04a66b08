// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"fmt"
	"path"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// What a deployed scheduler learns is in a file that a restart of its container finds again: its configuration names one, in
// a volume that the container may write to, though it is not root and its own file system is read-only, and that no other
// replica has. With the component it outlives the pod.
func TestCheckpointIsInAVolumeOfTheReplica(t *testing.T) {
	for name, tc := range map[string]struct {
		components, kind string
		// private says whether a volume of a pod is one that no other replica has.
		private func(volume string, of *appsv1.StatefulSetSpec) bool
	}{
		"base": {"[]", "Deployment", func(volume string, of *appsv1.StatefulSetSpec) bool {
			return slices.ContainsFunc(of.Template.Spec.Volumes, func(v v1.Volume) bool { return v.Name == volume && v.EmptyDir != nil })
		}},
		"persistent volume": {"[components/persistent-volume]", "StatefulSet", func(volume string, of *appsv1.StatefulSetSpec) bool {
			return slices.ContainsFunc(of.VolumeClaimTemplates, func(c v1.PersistentVolumeClaim) bool { return c.Name == volume }) &&
				// It would be in the claim's place.
				!slices.ContainsFunc(of.Template.Spec.Volumes, func(v v1.Volume) bool { return v.Name == volume })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			config, scheduler := overlay(t, tc.components, tc.kind)
			file := checkpointPath(t, config)
			pod := scheduler.Template.Spec
			container, security := pod.Containers[0], pod.SecurityContext
			var volume string
			for _, m := range container.VolumeMounts {
				if m.MountPath == path.Dir(file) && !m.ReadOnly {
					volume = m.Name
				}
			}
			if !path.IsAbs(file) || volume == "" || !tc.private(volume, scheduler) {
				t.Errorf("the checkpoint is %q, in the volume %q, which is not the replica's alone: %+v", file, volume, pod.Volumes)
			}
			if !*container.SecurityContext.ReadOnlyRootFilesystem || !*security.RunAsNonRoot || security.FSGroup == nil || *security.FSGroup != *security.RunAsGroup {
				t.Errorf("security: %+v, %+v", security, container.SecurityContext)
			}
		})
	}
}

// overlay builds the base with components, and returns the scheduler's configuration, and what its pods are made by; a
// Deployment is like a StatefulSet without claims.
func overlay(t *testing.T, components, kind string) (config string, scheduler *appsv1.StatefulSetSpec) {
	t.Helper()
	objects := kustomized(t, fmt.Sprintf("components: %s\n", components), nil)
	if kind == "Deployment" {
		d := into[appsv1.Deployment](t, objects, kind, "")
		scheduler = &appsv1.StatefulSetSpec{Template: d.Spec.Template}
	} else {
		scheduler = &into[appsv1.StatefulSet](t, objects, kind, "").Spec
	}
	return into[v1.ConfigMap](t, objects, "ConfigMap", "").Data["config.yaml"], scheduler
}

func checkpointPath(t *testing.T, config string) string {
	t.Helper()
	var c struct {
		Profiles []struct {
			PluginConfig []struct {
				Name string
				Args struct{ Checkpoint struct{ Path string } }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(config), &c); err != nil {
		t.Fatal(err)
	}
	for _, p := range c.Profiles[0].PluginConfig {
		if p.Name == "Prediction" {
			return p.Args.Checkpoint.Path
		}
	}
	return ""
}
