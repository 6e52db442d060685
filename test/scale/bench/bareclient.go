// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"kruise.io/kruise/test/scale/bare"
	"kruise.io/kruise/test/scale/cluster"
)

// bareUser is who the bare client speaks as, in the groups of a ServiceAccount, so that the API server's priority and
// fairness treats it as it treats the manager.
const bareUser = "scale-bare"

// order is one line from the benchmark to the bare client's process.
type order struct {
	Action action `json:"action"`
	Pods   int    `json:"pods"`
	Image  string `json:"image"`
}

// answer is the line that comes back when the order has been carried out.
type answer struct {
	Error string `json:"error,omitempty"`
}

// bareClient gives orders to the bare client, which is a process of its own so that its CPU time and memory can be read.
type bareClient struct {
	child   *cluster.Process
	answers *json.Decoder
	pods    int
}

// startBare starts the bare client's process for the namespace.
func startBare(c *cluster.Cluster, self, kubeconfig, namespace string, writers int) (*bareClient, error) {
	child, err := c.Run(cluster.Command{
		Name: "bare-" + namespace, Program: self, Piped: true,
		Args: []string{"bare", "-kubeconfig", kubeconfig, "-namespace", namespace, "-writers", fmt.Sprint(writers)},
	})
	if err != nil {
		return nil, err
	}
	return &bareClient{child: child, answers: json.NewDecoder(child.Output)}, nil
}

func (b *bareClient) process() *cluster.Process { return b.child }

func (b *bareClient) owns(user string) bool { return user == bareUser }

func (b *bareClient) create(_ context.Context, pods int, image string) error {
	b.pods = pods
	return b.carryOut(order{actionCreate, pods, image})
}

func (b *bareClient) update(_ context.Context, image string) error {
	return b.carryOut(order{actionUpdate, b.pods, image})
}

func (b *bareClient) recreate(_ context.Context, image string) error {
	return b.carryOut(order{actionRecreate, b.pods, image})
}

func (b *bareClient) scale(_ context.Context, pods int) error {
	surplus := b.pods - pods
	b.pods = pods
	return b.carryOut(order{Action: actionScaleIn, Pods: surplus})
}

func (b *bareClient) end(context.Context) error {
	b.child.Stop()
	return nil
}

// carryOut returns when the bare client has done what was ordered.
func (b *bareClient) carryOut(o order) error {
	if err := json.NewEncoder(b.child.Input).Encode(o); err != nil {
		return fmt.Errorf("give order: %w", err)
	}
	var a answer
	if err := b.answers.Decode(&a); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if a.Error != "" {
		return fmt.Errorf("%s: %s", o.Action, a.Error)
	}
	return nil
}

// serveBare is the bare client's process: it carries out orders until input ends.
func serveBare(ctx context.Context, kubeconfig, namespace string, writers int, input io.Reader, output io.Writer) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("read kubeconfig: %w", err)
	}
	client, err := newClientset(config)
	if err != nil {
		return err
	}
	pods, err := newBare(ctx, client, namespace, writers)
	if err != nil {
		return err
	}
	orders, answers := json.NewDecoder(input), json.NewEncoder(output)
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read order: %w", err)
		}
		var a answer
		if err := obey(ctx, pods, o); err != nil {
			a.Error = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
}

func newBare(ctx context.Context, client kubernetes.Interface, namespace string, writers int) (*bare.Client, error) {
	return bare.New(ctx, client, namespace, writers, func(image string) corev1.PodTemplateSpec {
		return podTemplate(workloadName, image)
	})
}

func obey(ctx context.Context, pods *bare.Client, o order) error {
	switch o.Action {
	case actionCreate:
		return pods.Create(ctx, o.Pods, o.Image)
	case actionUpdate:
		return pods.Update(ctx, o.Image, budget(o.Pods))
	case actionRecreate:
		return pods.Recreate(ctx, o.Image, budget(o.Pods))
	case actionScaleIn:
		return pods.Delete(ctx, o.Pods)
	default:
		return fmt.Errorf("unknown action %q", o.Action)
	}
}
