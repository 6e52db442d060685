// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

// Package metricsapi serves metrics.k8s.io for Pods with a usage that the test decides, so that a real HorizontalPodAutoscaler acts on it.
package metricsapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/metrics/pkg/apis/metrics/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// GroupPath is the path of the API.
const GroupPath = "/apis/metrics.k8s.io/v1beta1"

// Server answers for all Pods alike.
type Server struct {
	reader client.Reader
	server *httptest.Server
	milli  atomic.Int64
}

// Start serves on all addresses of this machine.
func Start(reader client.Reader) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", ":0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &Server{reader: reader}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+GroupPath, s.resources)
	mux.HandleFunc("GET "+GroupPath+"/namespaces/{namespace}/pods", s.pods)
	s.server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}}
	s.server.StartTLS()
	return s, nil
}

// Port is where it serves.
func (s *Server) Port() int { return s.server.Listener.Addr().(*net.TCPAddr).Port }

// SetUsage sets the CPU that every Pod uses, in thousandths of a core.
func (s *Server) SetUsage(milli int64) { s.milli.Store(milli) }

// Close ends the server.
func (s *Server) Close() { s.server.Close() }

func (s *Server) resources(w http.ResponseWriter, _ *http.Request) {
	answer(w, &metav1.APIResourceList{
		TypeMeta:     metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"},
		GroupVersion: strings.TrimPrefix(GroupPath, "/apis/"),
		APIResources: []metav1.APIResource{{Name: "pods", Namespaced: true, Kind: "PodMetrics", Verbs: metav1.Verbs{"get", "list"}}},
	})
}

func (s *Server) pods(w http.ResponseWriter, r *http.Request) {
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	pods := &corev1.PodList{}
	if err := s.reader.List(r.Context(), pods, client.InNamespace(r.PathValue("namespace")), client.MatchingLabelsSelector{Selector: selector}); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	list := &v1beta1.PodMetricsList{TypeMeta: metav1.TypeMeta{Kind: "PodMetricsList", APIVersion: v1beta1.SchemeGroupVersion.String()}}
	for _, pod := range pods.Items {
		if pod.Status.Phase == corev1.PodRunning {
			list.Items = append(list.Items, s.metrics(&pod))
		}
	}
	answer(w, list)
}

func (s *Server) metrics(pod *corev1.Pod) v1beta1.PodMetrics {
	metrics := v1beta1.PodMetrics{
		ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace, Labels: pod.Labels},
		Timestamp:  metav1.Now(),
		Window:     metav1.Duration{Duration: 10 * time.Second},
	}
	usage := corev1.ResourceList{corev1.ResourceCPU: *resource.NewMilliQuantity(s.milli.Load(), resource.DecimalSI)}
	for _, container := range pod.Spec.Containers {
		metrics.Containers = append(metrics.Containers, v1beta1.ContainerMetrics{Name: container.Name, Usage: usage})
	}
	return metrics
}

func answer(w http.ResponseWriter, object any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(object); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}
