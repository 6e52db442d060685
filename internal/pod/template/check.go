// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package template

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// DefaultTimeout bounds all the questions of one Check. It is shorter than the 10 s that API servers wait for a webhook.
const DefaultTimeout = 6 * time.Second

// Checker validates templates by asking the API server to create objects of them without storing these (dry run).
type Checker struct {
	// Client talks to the API server itself, not to a cache.
	Client client.Client
	// Namespace is where the dry runs happen: the manager's own, so that quotas and policies of the user's, which judge real Pods
	// and claims in their own time, do not answer. Empty takes the namespace of the workload.
	Namespace string
	// Timeout bounds all the questions of one Check. 0 is DefaultTimeout.
	Timeout time.Duration
}

// Subject is what a Check is about. Templates are JSON, so that fields newer than the library are judged too.
type Subject struct {
	// Namespace of the workload.
	Namespace string
	Template  map[string]any
	// TemplatePath is where the template is in the workload. Nil when the workload itself has the shape of a template, as SidecarSets have.
	TemplatePath *field.Path
	// Claims are the claim templates; each also makes a volume of its name, in place of one of the template.
	Claims []any
	// ClaimsPath is where the claim templates are in the workload.
	ClaimsPath *field.Path
}

// Check returns what the API server finds wrong with the templates, with paths in the workload, and warnings about fields that
// it does not know. The error says that it could not be asked.
func (c *Checker) Check(ctx context.Context, s Subject) (wrong field.ErrorList, warnings []string, err error) {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	podTemplate, claimOfVolume := s.podTemplate()
	wrong, warnings, err = c.try(ctx, s, podTemplate, func(path string) string { return s.templatePath(path, claimOfVolume) })
	if err != nil {
		return nil, nil, fmt.Errorf("ask the API server to validate %s: %w", s.at(""), err)
	}
	for i := range s.Claims {
		at := s.ClaimsPath.Index(i)
		claim, named := s.claim(i)
		if !named {
			// The volume of this claim has been found to have no name.
			continue
		}
		found, noted, err := c.try(ctx, s, claim, func(path string) string { return strings.TrimSuffix(at.String()+"."+path, ".") })
		if err != nil {
			return nil, nil, fmt.Errorf("ask the API server to validate %s: %w", at, err)
		}
		wrong, warnings = append(wrong, found...), append(warnings, noted...)
	}
	return wrong, warnings, nil
}

// try asks for one object. Fields that the server does not know make warnings: users may be ahead of their servers.
func (c *Checker) try(ctx context.Context, s Subject, object *unstructured.Unstructured, path func(string) string) (field.ErrorList, []string, error) {
	object.SetNamespace(c.Namespace)
	if c.Namespace == "" {
		object.SetNamespace(s.Namespace)
	}
	var warnings []string
	err := c.Client.Create(ctx, object.DeepCopy(), client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict))
	if unknown := unknownFields(err); len(unknown) > 0 {
		for _, name := range unknown {
			warnings = append(warnings, fmt.Sprintf("unknown field %q: it is kept, but this cluster's Pods and claims will not have it", path(name)))
		}
		err = c.Client.Create(ctx, object, client.DryRunAll, client.FieldValidation(metav1.FieldValidationIgnore))
	}
	switch {
	case err == nil, apierrors.IsAlreadyExists(err):
		// A claim template may have the name of a claim that is there: it has passed all rules before the server saw that.
		return nil, warnings, nil
	case apierrors.IsBadRequest(err) && strings.Contains(err.Error(), "does not support dry run"):
		// A webhook of another party stands between: better a template unchecked than no workload can be changed.
		return nil, append(warnings, fmt.Sprintf("%s is not validated: %v", path(""), err)), nil
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return problems(err, path), warnings, nil
	default:
		return nil, nil, err
	}
}

// podTemplate is the PodTemplate to try, and for the index of each volume that a claim makes the index of that claim.
func (s Subject) podTemplate() (object *unstructured.Unstructured, claimOfVolume map[int]int) {
	template := runtime.DeepCopyJSON(s.Template)
	if template == nil {
		template = map[string]any{}
	}
	spec, ok := template["spec"].(map[string]any)
	if !ok {
		spec = map[string]any{}
		template["spec"] = spec
	}
	volumes, _ := spec["volumes"].([]any)
	claimOfVolume = map[int]int{}
	for i, claim := range s.Claims {
		name, _ := nameOf(claim)
		at := len(volumes)
		for j, volume := range volumes {
			m, _ := volume.(map[string]any)
			if _, isClaim := claimOfVolume[j]; !isClaim && name != "" && m["name"] == name {
				at = j
			}
		}
		volume := map[string]any{"name": name, "persistentVolumeClaim": map[string]any{"claimName": "claim"}}
		if at == len(volumes) {
			volumes = append(volumes, nil)
		}
		volumes[at] = volume
		claimOfVolume[at] = i
	}
	if len(volumes) > 0 {
		spec["volumes"] = volumes
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1",
		"kind":       "PodTemplate",
		"metadata":   map[string]any{"generateName": "kruise-check-"},
		"template":   template,
	}}, claimOfVolume
}

// claim is the claim to try for claim template i.
func (s Subject) claim(i int) (object *unstructured.Unstructured, named bool) {
	template, _ := s.Claims[i].(map[string]any)
	given, _ := template["metadata"].(map[string]any)
	metadata := map[string]any{}
	for _, key := range []string{"name", "labels", "annotations", "finalizers"} {
		if value := given[key]; value != nil {
			metadata[key] = runtime.DeepCopyJSONValue(value)
		}
	}
	_, named = nameOf(template)
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1",
		"kind":       "PersistentVolumeClaim",
		"metadata":   metadata,
		"spec":       runtime.DeepCopyJSONValue(template["spec"]),
	}}, named
}

func nameOf(claim any) (name string, named bool) {
	m, _ := claim.(map[string]any)
	metadata, _ := m["metadata"].(map[string]any)
	name, _ = metadata["name"].(string)
	return name, name != ""
}

// templatePath turns a path in the PodTemplate into one in the workload.
func (s Subject) templatePath(path string, claimOfVolume map[int]int) string {
	rest, ok := strings.CutPrefix(path, "template")
	if !ok {
		return s.at("")
	}
	if found := volumePath().FindStringSubmatch(path); found != nil {
		if index, err := strconv.Atoi(found[1]); err == nil {
			if claim, isClaim := claimOfVolume[index]; isClaim {
				return s.ClaimsPath.Index(claim).Child("metadata", "name").String()
			}
		}
	}
	if strings.HasPrefix(rest, ".labels") || strings.HasPrefix(rest, ".annotations") {
		// API servers leave the metadata out of these paths.
		rest = ".metadata" + rest
	}
	return s.at(rest)
}

// at is the path in the workload of a path in the template; of the template itself when that is empty.
func (s Subject) at(rest string) string {
	switch {
	case s.TemplatePath != nil:
		return s.TemplatePath.String() + rest
	case rest == "":
		return "spec"
	default:
		return strings.TrimPrefix(rest, ".")
	}
}

func volumePath() *regexp.Regexp { return regexp.MustCompile(`^template\.spec\.volumes\[(\d+)\]`) }

// problems takes the single findings out of the API server's answer.
func problems(err error, path func(string) string) field.ErrorList {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil || len(status.Status().Details.Causes) == 0 {
		return field.ErrorList{problem(field.ErrorTypeInvalid, path(""), err.Error())}
	}
	var wrong field.ErrorList
	for _, cause := range status.Status().Details.Causes {
		wrong = append(wrong, problem(field.ErrorType(cause.Type), path(cause.Field), cause.Message))
	}
	return wrong
}

// problem keeps the text of the API server, which holds the value and the remedy.
func problem(kind field.ErrorType, path, message string) *field.Error {
	if strings.HasPrefix(kind.String(), "<unknown") {
		kind = field.ErrorTypeInvalid
	}
	text, ok := strings.CutPrefix(message, kind.String())
	if ok {
		message = strings.TrimPrefix(text, ": ")
	}
	return &field.Error{Type: kind, Field: path, BadValue: field.OmitValueType{}, Detail: message}
}

// unknownFields are the paths that a strict API server refused to know.
func unknownFields(err error) []string {
	if !apierrors.IsBadRequest(err) || !strings.Contains(err.Error(), "strict decoding error") {
		return nil
	}
	var names []string
	for _, found := range regexp.MustCompile(`unknown field "([^"]+)"`).FindAllStringSubmatch(err.Error(), -1) {
		names = append(names, found[1])
	}
	return names
}

// RefusePrivileged refuses privileged containers, for managers that run with --allow-privileged=false.
func RefusePrivileged(t *corev1.PodTemplateSpec, at *field.Path) field.ErrorList {
	var wrong field.ErrorList
	check := func(list string, i int, context *corev1.SecurityContext) {
		if context != nil && context.Privileged != nil && *context.Privileged {
			wrong = append(wrong, field.Forbidden(at.Child("spec", list).Index(i).Child("securityContext", "privileged"),
				"true is disallowed: the manager runs with --allow-privileged=false; leave it out or have that changed"))
		}
	}
	for i := range t.Spec.InitContainers {
		check("initContainers", i, t.Spec.InitContainers[i].SecurityContext)
	}
	for i := range t.Spec.Containers {
		check("containers", i, t.Spec.Containers[i].SecurityContext)
	}
	for i := range t.Spec.EphemeralContainers {
		check("ephemeralContainers", i, t.Spec.EphemeralContainers[i].SecurityContext)
	}
	return wrong
}
