// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"golang.org/x/sync/errgroup"

	"kruise.io/kruise/api/apps/v1alpha1"
	"kruise.io/kruise/api/apps/v1beta1"
	"kruise.io/kruise/test/scale/measure"
)

const (
	conversionNamespace = "scale-conversion"
	// conversionRounds is how often each LIST is made; figures are medians.
	conversionRounds = 5
	// conversionRest is left after the objects were made, for the manager to be done with them.
	conversionRest = 10 * time.Second
	// creators is how many requests are under way at once while objects are made.
	creators = 32
)

// conversions measures LISTs of CloneSets in the version that is stored and in the one that the webhook converts to, of a tenth of the objects
// and of all.
func (s *suite) conversions(ctx context.Context, objects int) ([]Conversion, error) {
	if err := s.addNamespace(ctx, conversionNamespace, nil); err != nil {
		return nil, err
	}
	var measured []Conversion
	made := 0
	for _, size := range []int{objects / 10, objects} {
		if err := s.addEmptyCloneSets(ctx, made, size); err != nil {
			return nil, err
		}
		made = size
		if err := pause(ctx, conversionRest); err != nil {
			return nil, err
		}
		for _, version := range []string{v1beta1.GroupVersion.Version, v1alpha1.GroupVersion.Version} {
			c, err := s.listMedian(ctx, version)
			if err != nil {
				return nil, err
			}
			c.Objects = size
			s.log.Info("LIST of CloneSets", "version", version, "objects", size, "seconds", round2(c.Seconds),
				"bytesPerObject", c.Bytes/int64(size), "webhookCPUMillisPerObject", round2(c.WebhookCPUMillis/float64(size)))
			measured = append(measured, c)
		}
	}
	return measured, s.client.DeleteAllOf(ctx, &v1beta1.CloneSet{}, client.InNamespace(conversionNamespace))
}

// addEmptyCloneSets makes CloneSets without Pods, numbered from..to.
func (s *suite) addEmptyCloneSets(ctx context.Context, from, to int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(creators)
	for i := from; i < to; i++ {
		group.Go(func() error {
			set := &cloneSet{s.client, s.manager, conversionNamespace, fmt.Sprintf("%s-%d", workloadName, i)}
			return set.create(ctx, 0, image("v1"))
		})
	}
	return group.Wait()
}

func (s *suite) listMedian(ctx context.Context, version string) (Conversion, error) {
	rounds := make([]Conversion, 0, conversionRounds)
	for range conversionRounds {
		c, err := s.list(ctx, version)
		if err != nil {
			return Conversion{}, fmt.Errorf("list CloneSets in %s: %w", version, err)
		}
		rounds = append(rounds, c)
	}
	middle := func(figure func(Conversion) float64) float64 {
		values := make([]float64, 0, len(rounds))
		for _, round := range rounds {
			values = append(values, figure(round))
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return Conversion{
		Version: version, Bytes: rounds[0].Bytes,
		Seconds:          middle(func(c Conversion) float64 { return c.Seconds }),
		WebhookCPUMillis: middle(func(c Conversion) float64 { return c.WebhookCPUMillis }),
	}, nil
}

// list makes one LIST past the API server's cache of encoded answers, and counts what it took.
func (s *suite) list(ctx context.Context, version string) (c Conversion, err error) {
	transport, err := rest.HTTPClientFor(s.cluster.Config)
	if err != nil {
		return c, fmt.Errorf("build client: %w", err)
	}
	url := fmt.Sprintf("%s/apis/%s/%s/namespaces/%s/clonesets", s.cluster.Config.Host, v1beta1.GroupVersion.Group, version, conversionNamespace)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return c, fmt.Errorf("build request: %w", err)
	}
	process := measure.NewProcess(s.manager.PID())
	before, err := process.CPU()
	if err != nil {
		return c, err
	}
	begin := time.Now()
	response, err := transport.Do(request)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return c, fmt.Errorf("the API server answers %s", response.Status)
	}
	if c.Bytes, err = io.Copy(io.Discard, response.Body); err != nil {
		return c, fmt.Errorf("read answer: %w", err)
	}
	c.Seconds = time.Since(begin).Seconds()
	after, err := process.CPU()
	c.WebhookCPUMillis = float64((after - before).Milliseconds())
	return c, err
}

// linear holds the cost per object of converting many against that of converting few.
func linear(conversions []Conversion) []Verdict {
	var j judge
	var few *Conversion
	for i := range conversions {
		many := &conversions[i]
		if many.Version != v1alpha1.GroupVersion.Version {
			continue
		}
		if few == nil {
			few = many
			continue
		}
		perFew, perMany := few.WebhookCPUMillis/float64(few.Objects), many.WebhookCPUMillis/float64(many.Objects)
		j.atMost(fmt.Sprintf("LIST of %d over %d converted objects: webhook CPU-ms per object", many.Objects, few.Objects), perMany/perFew, maxGrowth, true,
			fmt.Sprintf("%.2f and %.2f ms", perMany, perFew))
	}
	return j.verdicts
}
