// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package conversion

import (
	"encoding/json"
	"fmt"
	"net/http"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// Registry holds the kinds that a process converts.
type Registry map[schema.GroupKind]Kind

// NewRegistry returns a registry of the kinds.
func NewRegistry(kinds ...Kind) Registry {
	r := make(Registry, len(kinds))
	for _, k := range kinds {
		r[k.GroupKind] = k
	}
	return r
}

// ServeHTTP answers a ConversionReview, v1 or v1beta1: their JSON is the same but for the apiVersion, which the answer takes over.
func (r Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	logger := log.FromContext(req.Context()).WithName("conversion")
	review := &apiextensionsv1.ConversionReview{}
	if err := json.NewDecoder(req.Body).Decode(review); err != nil {
		http.Error(w, fmt.Sprintf("decode ConversionReview: %v", err), http.StatusBadRequest)
		return
	}
	if review.Request == nil {
		http.Error(w, "ConversionReview has no request", http.StatusBadRequest)
		return
	}
	response, err := r.Review(review.Request)
	if err != nil {
		logger.Error(err, "Cannot convert", "desiredAPIVersion", review.Request.DesiredAPIVersion)
		response = &apiextensionsv1.ConversionResponse{Result: metav1.Status{Status: metav1.StatusFailure, Message: err.Error()}}
	}
	response.UID = review.Request.UID
	answer := apiextensionsv1.ConversionReview{TypeMeta: review.TypeMeta, Response: response}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		logger.Error(err, "Cannot answer a ConversionReview")
	}
}

// Review converts the objects of a request, all or none.
func (r Registry) Review(req *apiextensionsv1.ConversionRequest) (*apiextensionsv1.ConversionResponse, error) {
	desired, err := schema.ParseGroupVersion(req.DesiredAPIVersion)
	if err != nil {
		return nil, fmt.Errorf("desiredAPIVersion %q: %w", req.DesiredAPIVersion, err)
	}
	converted := make([]runtime.RawExtension, 0, len(req.Objects))
	for i, object := range req.Objects {
		raw, err := r.convert(object.Raw, desired)
		if err != nil {
			return nil, fmt.Errorf("objects[%d]: %w", i, err)
		}
		converted = append(converted, runtime.RawExtension{Raw: raw})
	}
	return &apiextensionsv1.ConversionResponse{
		ConvertedObjects: converted,
		Result:           metav1.Status{Status: metav1.StatusSuccess},
	}, nil
}

func (r Registry) convert(raw []byte, desired schema.GroupVersion) ([]byte, error) {
	object := map[string]any{}
	if err := utiljson.Unmarshal(raw, &object); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	name, _ := object["kind"].(string)
	kind, known := r[schema.GroupKind{Group: desired.Group, Kind: name}]
	if !known {
		return nil, fmt.Errorf("kind %q of group %q is not converted here", name, desired.Group)
	}
	if err := kind.Convert(object, desired.Version); err != nil {
		return nil, err
	}
	converted, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return converted, nil
}
