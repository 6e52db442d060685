// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// MutatingConfigurationName is the configuration of the product's mutating webhooks.
	MutatingConfigurationName = "kruise-mutating-webhook-configuration"
	// ValidatingConfigurationName is the configuration of its validating webhooks.
	ValidatingConfigurationName = "kruise-validating-webhook-configuration"

	// templateAnnotation is where earlier releases kept the entries as they were first applied (manager specification 8 and 19.1).
	templateAnnotation = "template"
)

// configuration is one of the two kinds of webhook configuration in a common form.
type configuration struct {
	kind   Type
	object client.Object
	// entries and setEntries read and write the webhooks of object.
	entries    func() []entry
	setEntries func([]entry)
}

func newConfiguration(t Type) configuration {
	if t == Mutating {
		object := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: MutatingConfigurationName}}
		return configuration{
			kind: t, object: object,
			entries:    func() []entry { return object.Webhooks },
			setEntries: func(entries []entry) { object.Webhooks = entries },
		}
	}
	object := &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: ValidatingConfigurationName}}
	return configuration{
		kind: t, object: object,
		entries:    func() []entry { return fromValidating(object.Webhooks) },
		setEntries: func(entries []entry) { object.Webhooks = toValidating(entries) },
	}
}

// publishConfiguration makes one configuration what it should be, and creates it if it is missing.
func (k *Keeper) publishConfiguration(ctx context.Context, t Type, trust []byte) error {
	c, now := newConfiguration(t), k.Clock.Now()
	name := c.object.GetName()
	desired := desiredEntries(t, k.Registrations, k.Target, trust)
	err := k.Client.Get(ctx, client.ObjectKeyFromObject(c.object), c.object)
	if apierrors.IsNotFound(err) {
		c = newConfiguration(t)
		k.scope(t, desired, nil, now)
		c.setEntries(desired)
		if err := k.Client.Create(ctx, c.object); err != nil {
			return fmt.Errorf("create missing webhook configuration %s: %w", name, err)
		}
		logf.FromContext(ctx).Info("Created the missing webhook configuration", "name", name)
		return nil
	}
	if err != nil {
		return fmt.Errorf("get webhook configuration %s: %w", name, err)
	}
	live := c.entries()
	k.scope(t, desired, live, now)
	template, dropTemplate := readTemplate(ctx, c.object)
	merged := mergeEntries(live, template, desired, knownEntries(t), k.Target.Service.Namespace)
	if !dropTemplate && equality.Semantic.DeepEqual(live, merged) {
		return nil
	}
	c.setEntries(merged)
	if dropTemplate {
		annotations := c.object.GetAnnotations()
		delete(annotations, templateAnnotation)
		c.object.SetAnnotations(annotations)
	}
	if err := k.Client.Update(ctx, c.object); err != nil {
		return fmt.Errorf("update webhook configuration %s: %w", name, err)
	}
	logf.FromContext(ctx).Info("Updated the webhook configuration", "name", name, "entries", len(merged))
	return nil
}

// readTemplate returns the entries that an earlier release left in the annotation and whether the annotation is to be dropped. An
// empty annotation is what every package of the product sets to reset it: it says nothing and may stay.
func readTemplate(ctx context.Context, object client.Object) (entries []entry, drop bool) {
	text := object.GetAnnotations()[templateAnnotation]
	if text == "" {
		return nil, false
	}
	if err := json.Unmarshal([]byte(text), &entries); err != nil {
		logf.FromContext(ctx).Info("Dropped an unreadable template of webhook entries", "name", object.GetName(), "reason", err.Error())
		return nil, true
	}
	return entries, true
}

// checkConfiguration reports what of one configuration, kept by someone else, does not fit the served certificate.
func (k *Keeper) checkConfiguration(ctx context.Context, t Type, verify func(caBundle []byte) error) error {
	c := newConfiguration(t)
	name := c.object.GetName()
	if err := k.Client.Get(ctx, client.ObjectKeyFromObject(c.object), c.object); err != nil {
		return fmt.Errorf("get webhook configuration %s: %w", name, err)
	}
	served := map[string]bool{}
	for _, r := range k.Registrations {
		for _, path := range append([]string{r.Path}, r.Aliases...) {
			served[path] = true
		}
	}
	problems := k.checkScopes(t, c.entries())
	for _, e := range c.entries() {
		if !knownEntries(t).Has(e.Name) || !served[pathOf(e.ClientConfig)] {
			continue
		}
		if err := verify(e.ClientConfig.CABundle); err != nil {
			problems = append(problems, fmt.Errorf("caBundle of webhook %s in %s: %w", e.Name, name, err))
		}
	}
	return errors.Join(problems...)
}

// checkScopes reports entries, kept by someone else, that are not for all that they are needed for.
func (k *Keeper) checkScopes(t Type, live []entry) []error {
	var problems []error
	for _, r := range k.Registrations {
		at := slices.IndexFunc(live, func(e entry) bool { return e.Name == r.Name })
		if r.Scope == nil || r.Type != t || at < 0 {
			continue
		}
		if need, known := r.Scope.need(k.Clock.Now()); known && !liveClauses(live[at]).covers(need) {
			problems = append(problems, fmt.Errorf("match condition %s of webhook %s in %s keeps requests away that are needed: remove it, or set it to %q",
				ScopeCondition, r.Name, t, need.expression()))
		}
	}
	return problems
}
