// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package faultproxy

import (
	"context"
	"io"
	"time"
)

// chunk is a piece of a body and when it may be read.
type chunk struct {
	data []byte
	due  time.Time
}

// lateBody gives what it reads from source only after a delay, and keeps reading meanwhile.
type lateBody struct {
	source io.ReadCloser
	chunks chan chunk
	rest   []byte
	ctx    context.Context
	cancel context.CancelFunc
}

func newLateBody(ctx context.Context, source io.ReadCloser, delay time.Duration) *lateBody {
	ctx, cancel := context.WithCancel(ctx)
	b := &lateBody{source: source, chunks: make(chan chunk, 10000), ctx: ctx, cancel: cancel}
	go b.fill(delay)
	return b
}

func (b *lateBody) fill(delay time.Duration) {
	defer close(b.chunks)
	buffer := make([]byte, 64<<10)
	for {
		n, err := b.source.Read(buffer)
		if n > 0 {
			select {
			case b.chunks <- chunk{data: append([]byte(nil), buffer[:n]...), due: time.Now().Add(delay)}:
			case <-b.ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// Read implements io.Reader.
func (b *lateBody) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		select {
		case c, ok := <-b.chunks:
			if !ok {
				return 0, io.EOF
			}
			if err := b.until(c.due); err != nil {
				return 0, err
			}
			b.rest = c.data
		case <-b.ctx.Done():
			return 0, b.ctx.Err()
		}
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *lateBody) until(due time.Time) error {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-b.ctx.Done():
		return b.ctx.Err()
	}
}

// Close implements io.Closer.
func (b *lateBody) Close() error {
	b.cancel()
	return b.source.Close()
}
