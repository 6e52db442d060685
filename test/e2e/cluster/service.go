// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

// ServicePort is the port of Services that the API server calls.
const ServicePort = 443

// ExposeService makes a Service without selector lead to processes of this machine, one per port. No port leaves it without endpoints.
func (c *Cluster) ExposeService(ctx context.Context, namespace, name string, ports ...int) error {
	address, err := HostAddress()
	if err != nil {
		return err
	}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if _, err := controllerutil.CreateOrUpdate(ctx, c.Client, service, func() error {
		service.Spec.Selector = nil
		service.Spec.Ports = []corev1.ServicePort{{Port: ServicePort, TargetPort: intstr.FromInt32(ServicePort), Protocol: corev1.ProtocolTCP}}
		return nil
	}); err != nil {
		return fmt.Errorf("write Service %s: %w", name, err)
	}
	slices := &discoveryv1.EndpointSliceList{}
	if err := c.Client.List(ctx, slices, client.InNamespace(namespace), client.MatchingLabels{discoveryv1.LabelServiceName: name}); err != nil {
		return fmt.Errorf("list EndpointSlices of %s: %w", name, err)
	}
	for i := range slices.Items {
		if err := c.Client.Delete(ctx, &slices.Items[i]); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete EndpointSlice: %w", err)
		}
	}
	for _, port := range ports {
		if err := c.Client.Create(ctx, endpointSlice(namespace, name, address, port)); err != nil {
			return fmt.Errorf("create EndpointSlice of %s: %w", name, err)
		}
	}
	return nil
}

func endpointSlice(namespace, service, address string, port int) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: fmt.Sprintf("%s-%d", service, port), Labels: map[string]string{discoveryv1.LabelServiceName: service},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}}},
		Ports:       []discoveryv1.EndpointPort{{Name: new(""), Port: new(int32(port)), Protocol: new(corev1.ProtocolTCP)}},
	}
}
