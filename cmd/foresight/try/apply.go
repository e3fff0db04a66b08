// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package try

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/diff"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
)

const fieldManager = "foresight"

// removal bounds how long remove waits until what it deletes is gone.
const removal = time.Minute

// conflictHelp is kubectl's.
const conflictHelp = `Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the ` + "`--force-conflicts`" + ` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts`

// object is one of the manifests' objects.
type object struct {
	*resource.Info
	// differs: it is there already and would change.
	differs bool
	// same: it is there already as the manifest says.
	same bool
	// made is the UID of an object that was not there before this command made it.
	made types.UID
}

func (o *object) helper() *resource.Helper {
	return resource.NewHelper(o.Client, o.Mapping).WithFieldManager(fieldManager)
}

// get returns the object as it is on the server.
func (o *object) get() (*unstructured.Unstructured, error) {
	found, err := o.helper().Get(o.Namespace, o.Name)
	if err != nil {
		return nil, err
	}
	return asUnstructured(found)
}

func (o *object) patch(force, dryRun bool) (*unstructured.Unstructured, error) {
	data, err := runtime.Encode(unstructured.UnstructuredJSONScheme, o.Object)
	if err != nil {
		return nil, err
	}
	result, err := o.helper().DryRun(dryRun).Patch(o.Namespace, o.Name, types.ApplyPatchType, data, &metav1.PatchOptions{Force: ptr.To(force)})
	if err != nil {
		return nil, err
	}
	return asUnstructured(result)
}

func asUnstructured(o runtime.Object) (*unstructured.Unstructured, error) {
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("the server answers with a %T", o)
	}
	return u, nil
}

// plan finds out which objects are there already and what of them would change, which it shows. It returns an error where
// apply may not go on: other managers' fields without force, or any change without yes. It changes nothing.
func (w *workload) plan(force, yes bool, progress io.Writer) error {
	var refusals []error
	changes := 0
	for _, o := range w.objects {
		if o.Name == "" {
			return fmt.Errorf("%s: cannot use generate name with apply", o.Source)
		}
		before, err := o.get()
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("looking for %s: %w", o.ObjectName(), err)
		}
		after, err := o.patch(true, true)
		if err != nil {
			return fmt.Errorf("%s exists already, and cannot become what the manifest says: %w", o.ObjectName(), err)
		}
		before, after = forDiff(before, after)
		if reflect.DeepEqual(before.Object, after.Object) {
			o.same = true
			continue
		}
		o.differs = true
		changes++
		fmt.Fprintf(progress, "%s exists already, and would change:\n%s\n", o.ObjectName(), diff.Diff(before.Object, after.Object))
		if force {
			continue
		}
		if _, err := o.patch(false, true); apierrors.IsConflict(err) {
			refusals = append(refusals, fmt.Errorf("%s: %w\n%s", o.ObjectName(), err, conflictHelp))
		} else if err != nil {
			return fmt.Errorf("%s: %w", o.ObjectName(), err)
		}
	}
	if changes > 0 && !yes {
		refusals = append(refusals, fmt.Errorf("%d objects exist already and would change as shown: --yes agrees to that; nothing was applied", changes))
	}
	return errors.Join(refusals...)
}

// forDiff returns what a diff is about: no bookkeeping of the server, no status, no content of Secrets.
func forDiff(before, after *unstructured.Unstructured) (*unstructured.Unstructured, *unstructured.Unstructured) {
	before, after = before.DeepCopy(), after.DeepCopy()
	for _, u := range []*unstructured.Unstructured{before, after} {
		for _, field := range []string{"managedFields", "resourceVersion", "generation"} {
			unstructured.RemoveNestedField(u.Object, "metadata", field)
		}
		unstructured.RemoveNestedField(u.Object, "status")
	}
	if before.GroupVersionKind().GroupKind().String() == "Secret" {
		for _, field := range []string{"data", "stringData"} {
			old, _, _ := unstructured.NestedMap(before.Object, field)
			now, _, _ := unstructured.NestedMap(after.Object, field)
			for _, key := range slices.Concat(slices.Collect(maps.Keys(old)), slices.Collect(maps.Keys(now))) {
				mask, other := "***", "***"
				if !reflect.DeepEqual(old[key], now[key]) {
					mask, other = "*** (before)", "*** (after)"
				}
				if _, ok := old[key]; ok {
					_ = unstructured.SetNestedField(before.Object, mask, field, key)
				}
				if _, ok := now[key]; ok {
					_ = unstructured.SetNestedField(after.Object, other, field, key)
				}
			}
		}
	}
	return before, after
}

// apply makes the objects that are not there, and changes those that differ. Those that are as the manifest says it does
// not touch.
func (w *workload) apply(ctx context.Context, force bool, progress io.Writer) error {
	for _, o := range w.objects {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if o.same {
			fmt.Fprintln(progress, "unchanged", o.ObjectName())
			continue
		}
		result, err := o.patch(force, false)
		if apierrors.IsConflict(err) {
			return fmt.Errorf("applying %s: %w\n%s", o.ObjectName(), err, conflictHelp)
		}
		if err != nil {
			return fmt.Errorf("applying %s: %w", o.ObjectName(), err)
		}
		// Somebody may have made it since plan looked. Then there are fields that are not ours.
		others := slices.ContainsFunc(result.GetManagedFields(), func(m metav1.ManagedFieldsEntry) bool { return m.Manager != fieldManager })
		if !o.differs && !others {
			o.made = result.GetUID()
		}
		fmt.Fprintln(progress, "applied", o.ObjectName())
	}
	return nil
}

// remove deletes what this command made, the last first, with all that came of it, and waits until it is gone. What was there
// before stays, also where it was changed.
func (w *workload) remove(ctx context.Context, client kubernetes.Interface, progress io.Writer) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removal)
	defer cancel()
	options := func(uid types.UID) metav1.DeleteOptions {
		return metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationForeground), Preconditions: &metav1.Preconditions{UID: &uid}}
	}
	var errs []error
	for _, job := range w.started {
		if err := client.BatchV1().Jobs(job.Namespace).Delete(ctx, job.Name, options(job.UID)); err != nil && !apierrors.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("removing job %s: %w", job.Name, err))
		}
	}
	for _, o := range slices.Backward(w.objects) {
		if o.made == "" {
			continue
		}
		// It is gone, or another one of the name stands there.
		gone := func(err error) bool { return apierrors.IsNotFound(err) || apierrors.IsConflict(err) }
		if _, err := o.helper().DeleteWithOptions(o.Namespace, o.Name, ptr.To(options(o.made))); err != nil && !gone(err) {
			errs = append(errs, fmt.Errorf("removing %s: %w", o.ObjectName(), err))
			continue
		}
		err := wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, func(context.Context) (bool, error) {
			now, err := o.get()
			if err == nil {
				return now.GetUID() != o.made, nil
			}
			return apierrors.IsNotFound(err), nil
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("%s is told to go, and is still there after %s", o.ObjectName(), removal))
			continue
		}
		fmt.Fprintln(progress, "removed", o.ObjectName())
	}
	return errors.Join(errs...)
}
