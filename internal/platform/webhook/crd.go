// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

// settledCRDs are the resourceVersions at which CRDs were found, or made, right. A pass reads only those that have changed since: they
// are large, and with one of every ten calls failing a pass that has to read them all would never succeed.
type settledCRDs struct {
	// trust is the CA that they were right for.
	trust    []byte
	versions map[string]string
	// refused names the CRDs that this process may not write.
	refused map[string]bool
}

// of returns the versions at which CRDs are right for the CA; none when it is another one.
func (s *settledCRDs) of(trust []byte) map[string]string {
	if s.versions == nil || !bytes.Equal(s.trust, trust) {
		s.trust, s.versions = bytes.Clone(trust), map[string]string{}
	}
	return s.versions
}

// eachConvertedCRD reads the installed CRDs of this product that may need conversion and calls do for those that have it by webhook, but
// for those that have not changed since they were settled. The cache holds nothing but metadata of CRDs: with their schemas they are the
// largest objects of many clusters. A CRD that this process may not write is the trouble of its kind alone: that is said once.
func (k *Keeper) eachConvertedCRD(ctx context.Context, settled map[string]string, do func(*apiextensionsv1.CustomResourceDefinition) error) error {
	list := newCRDList()
	if err := k.Client.List(ctx, list); err != nil {
		return fmt.Errorf("list CRDs: %w", err)
	}
	var problems []error
	refused := map[string]bool{}
	known := convertedCRDs()
	for i := range list.Items {
		if name := list.Items[i].Name; !known.Has(name) || settled[name] == list.Items[i].ResourceVersion {
			continue
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		err := k.Live.Get(ctx, client.ObjectKeyFromObject(&list.Items[i]), crd)
		switch {
		case apierrors.IsNotFound(err):
			continue
		case err != nil:
			problems = append(problems, fmt.Errorf("get CRD %s: %w", list.Items[i].Name, err))
			continue
		case crd.Spec.Conversion != nil && crd.Spec.Conversion.Strategy == apiextensionsv1.WebhookConverter:
			err := do(crd)
			if apierrors.IsForbidden(err) {
				if refused[crd.Name] = true; !k.settled.refused[crd.Name] {
					logf.FromContext(ctx).Info("Objects of one kind cannot be converted until it is permitted to write its CRD", "crd", crd.Name, "reason", err.Error())
				}
				continue
			}
			if err != nil {
				problems = append(problems, err)
				continue
			}
		}
		settled[crd.Name] = crd.ResourceVersion
	}
	k.settled.refused = refused
	return errors.Join(problems...)
}

// newCRDList is for the metadata of CRDs.
func newCRDList() *metav1.PartialObjectMetadataList {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinitionList"))
	return list
}

// publishConversion points the conversion of one CRD to this product's server. The strategy stays as it is.
func (k *Keeper) publishConversion(trust []byte) func(context.Context, *apiextensionsv1.CustomResourceDefinition) error {
	return func(ctx context.Context, crd *apiextensionsv1.CustomResourceDefinition) error {
		want := k.Target.conversion(trust)
		if w := crd.Spec.Conversion.Webhook; w != nil && equality.Semantic.DeepEqual(w.ClientConfig, want) {
			return nil
		}
		before := crd.DeepCopy()
		crd.Spec.Conversion.Webhook = &apiextensionsv1.WebhookConversion{ClientConfig: want, ConversionReviewVersions: reviewVersions()}
		patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
		if err := k.Client.Patch(ctx, crd, patch); err != nil {
			return fmt.Errorf("patch conversion of CRD %s: %w", crd.Name, err)
		}
		logf.FromContext(ctx).Info("Updated the conversion webhook", "crd", crd.Name)
		return nil
	}
}

// checkConversion reports whether the conversion of one CRD, kept by someone else, fits the served certificate.
func checkConversion(verify func(caBundle []byte) error) func(context.Context, *apiextensionsv1.CustomResourceDefinition) error {
	return func(_ context.Context, crd *apiextensionsv1.CustomResourceDefinition) error {
		w := crd.Spec.Conversion.Webhook
		if w == nil || w.ClientConfig == nil {
			return fmt.Errorf("CRD %s has conversion by webhook without a clientConfig", crd.Name)
		}
		if err := verify(w.ClientConfig.CABundle); err != nil {
			return fmt.Errorf("caBundle of the conversion of CRD %s: %w", crd.Name, err)
		}
		return nil
	}
}

// pathOf returns the path that a client configuration calls.
func pathOf(c admissionregistrationv1.WebhookClientConfig) string {
	switch {
	case c.Service != nil:
		return ptr.Deref(c.Service.Path, "")
	case c.URL != nil:
		if parsed, err := url.Parse(*c.URL); err == nil {
			return parsed.Path
		}
	}
	return ""
}
