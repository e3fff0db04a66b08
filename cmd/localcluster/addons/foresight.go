// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package addons

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/argv"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/supervise"
)

// What the manifests call things.
const (
	ForesightNamespace      = "foresight-system"
	ForesightServiceAccount = "foresight-scheduler"

	foresightWorkload     = "foresight-scheduler"
	foresightConfigVolume = "config"
	foresightConfigKey    = "config.yaml"
)

// CheckForesight finds out before anything is started that our scheduler cannot be: of an image, or else of a binary.
func CheckForesight(binary, image, manifests string) error {
	if image != "" {
		if info, err := os.Stat(image); err != nil || !info.Mode().IsRegular() {
			return fmt.Errorf("no image at %s: run `make image`, or leave --scheduler-image out", image)
		}
	} else if info, err := os.Stat(binary); err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
		return fmt.Errorf("no scheduler binary at %s: run `make build`, name another one with --scheduler-binary, or go --without %s", binary, state.Foresight)
	}
	if _, err := os.Stat(manifests); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no manifests at %s: name a kustomize directory with --manifests, or go --without %s", manifests, state.Foresight)
	} else if err != nil {
		return fmt.Errorf("reading manifests: %w", err)
	}
	return nil
}

// ApplyKustomization applies a directory as a user would.
func ApplyKustomization(ctx context.Context, l state.Layout, self, dir string) error {
	cmd := exec.CommandContext(ctx, self, argv.Subcommand, "kubectl",
		"apply", "--server-side", "--field-manager="+fieldManager, "--kustomize", dir)
	cmd.Env = append(supervise.Environment(l), "KUBECONFIG="+l.Kubeconfig(), "KUBECACHEDIR="+l.KubectlCache(), "KUBECTL_KUBERC=false")
	output, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("applying %s: %w\n%s", dir, err, bytes.TrimSpace(output))
	}
	return nil
}

// ApplyWithoutPods applies the scheduler's manifests with no replicas: it is a process, and its Deployment's pods would be none but
// phantoms.
func ApplyWithoutPods(ctx context.Context, l state.Layout, self, dir string) error {
	overlay := l.Path("config", "foresight-manifests")
	base, err := filepath.Rel(overlay, dir)
	if err != nil {
		return err
	}
	content, err := yaml.Marshal(map[string]any{
		"resources": []string{base},
		"replicas":  []any{map[string]any{"name": foresightWorkload, "count": 0}},
	})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(overlay, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), content, 0o600); err != nil {
		return err
	}
	return ApplyKustomization(ctx, l, self, overlay)
}

// AwaitForesight returns when all replicas of the scheduler's Deployment are ready.
func AwaitForesight(ctx context.Context, client kubernetes.Interface) error {
	last := "it is not there"
	err := wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		d, err := client.AppsV1().Deployments(ForesightNamespace).Get(ctx, foresightWorkload, metav1.GetOptions{})
		if err != nil {
			return false, nil //nolint:nilerr // It is asked again, until the context ends.
		}
		last = fmt.Sprintf("%d of %d pods are ready", d.Status.ReadyReplicas, d.Status.Replicas)
		return d.Status.ObservedGeneration >= d.Generation && d.Spec.Replicas != nil && d.Status.ReadyReplicas == *d.Spec.Replicas, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for Deployment %s/%s: %s", ForesightNamespace, foresightWorkload, last)
	}
	return nil
}

// ForesightConfiguration takes the scheduler's configuration out of the cluster and
// tells it how to reach the API server from outside; nothing else differs from a
// deployment.
func ForesightConfiguration(ctx context.Context, client kubernetes.Interface, kubeconfig string) ([]byte, error) {
	name, err := foresightConfigMap(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("looking for the scheduler's configuration: %w", err)
	}
	configMap, err := client.CoreV1().ConfigMaps(ForesightNamespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading the scheduler's configuration: %w", err)
	}
	data, ok := configMap.Data[foresightConfigKey]
	if !ok {
		return nil, fmt.Errorf("ConfigMap %s/%s has no key %s", ForesightNamespace, name, foresightConfigKey)
	}
	return withKubeconfig([]byte(data), kubeconfig)
}

// foresightConfigMap returns which ConfigMap the scheduler's pods mount: its name ends in a hash of what is in it.
func foresightConfigMap(ctx context.Context, client kubernetes.Interface) (string, error) {
	var pod corev1.PodSpec
	deployment, err := client.AppsV1().Deployments(ForesightNamespace).Get(ctx, foresightWorkload, metav1.GetOptions{})
	switch {
	case err == nil:
		pod = deployment.Spec.Template.Spec
	case apierrors.IsNotFound(err):
		set, err := client.AppsV1().StatefulSets(ForesightNamespace).Get(ctx, foresightWorkload, metav1.GetOptions{})
		if err != nil {
			return "", fmt.Errorf("no Deployment is called %s: %w", foresightWorkload, err)
		}
		pod = set.Spec.Template.Spec
	default:
		return "", err
	}
	for _, v := range pod.Volumes {
		if v.Name == foresightConfigVolume && v.ConfigMap != nil {
			return v.ConfigMap.Name, nil
		}
	}
	return "", fmt.Errorf("the pods of %s have no volume %s with a ConfigMap", foresightWorkload, foresightConfigVolume)
}

func withKubeconfig(config []byte, kubeconfig string) ([]byte, error) {
	object := map[string]any{}
	if err := yaml.UnmarshalStrict(config, &object); err != nil {
		return nil, fmt.Errorf("parsing the scheduler's configuration: %w", err)
	}
	if err := unstructured.SetNestedField(object, kubeconfig, "clientConnection", "kubeconfig"); err != nil {
		return nil, fmt.Errorf("changing the scheduler's configuration: %w", err)
	}
	return yaml.Marshal(object)
}

// WriteForesightConfig puts it where the scheduler reads it. What the Deployment has in a volume of the pod is in a folder of
// the cluster's directory here.
func WriteForesightConfig(l state.Layout, config []byte) error {
	config, err := withVolume(config, l.Path("foresight"))
	if err != nil {
		return err
	}
	for _, dir := range []string{filepath.Dir(l.ForesightConfig()), l.Path("foresight")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return os.WriteFile(l.ForesightConfig(), config, 0o600)
}
