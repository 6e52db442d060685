// Copyright 2026 The Kruise Authors.
// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"errors"
	"math/big"
)

// operand is one of the two kinds of values: a number, or a quantity. Only quantities depend on the variable.
type operand struct {
	number   *big.Rat
	quantity quantity
}

// quantity computes a quantity from the variable. It never changes an amount that it is given.
type quantity func(variable amount) amount

func numberOf(n *big.Rat) operand      { return operand{number: n} }
func constantOf(a amount) operand      { return operand{quantity: func(amount) amount { return a }} }
func (o operand) isQuantity() bool     { return o.quantity != nil }
func bothNumbers(a, b operand) bool    { return !a.isQuantity() && !b.isQuantity() }
func bothQuantities(a, b operand) bool { return a.isQuantity() && b.isQuantity() }

// asQuantity takes a number for that many whole units: cores or bytes, kept to thousandths.
func (o operand) asQuantity() quantity {
	if o.isQuantity() {
		return o.quantity
	}
	return constantOf(scaled(amount{milli: thousand()}, o.number)).quantity
}

// scaled cuts the product off at thousandths.
func scaled(a amount, factor *big.Rat) amount {
	milli := new(big.Int).Mul(a.milli, factor.Num())
	return amount{milli: milli.Quo(milli, factor.Denom()), family: a.family}
}

func negate(a operand) operand {
	return multiplied(a, big.NewRat(-1, 1))
}

// sum adds; the family is that of the left one unless it is zero, as Kubernetes adds quantities.
func sum(a, b operand) operand {
	if bothNumbers(a, b) {
		return numberOf(new(big.Rat).Add(a.number, b.number))
	}
	return combined(a, b, func(x, y amount) amount {
		family := x.or(y)
		if x.milli.Sign() == 0 {
			family = y.or(x)
		}
		return amount{milli: new(big.Int).Add(x.milli, y.milli), family: family}
	})
}

func difference(a, b operand) operand { return sum(a, negate(b)) }

func product(a, b operand) (operand, error) {
	switch {
	case bothQuantities(a, b):
		return operand{}, errors.New("a quantity cannot be multiplied by a quantity: make one of them a number or a percentage")
	case a.isQuantity():
		return multiplied(a, b.number), nil
	default:
		return multiplied(b, a.number), nil
	}
}

func quotient(a, b operand) (operand, error) {
	switch {
	case b.isQuantity():
		return operand{}, errors.New("a quantity cannot be divided by: make it a number or a percentage")
	case b.number.Sign() == 0:
		return operand{}, errors.New("division by zero")
	default:
		return multiplied(a, new(big.Rat).Inv(b.number)), nil
	}
}

func multiplied(a operand, factor *big.Rat) operand {
	if !a.isQuantity() {
		return numberOf(new(big.Rat).Mul(a.number, factor))
	}
	return operand{quantity: func(variable amount) amount { return scaled(a.quantity(variable), factor) }}
}

// larger takes the larger one, smaller the smaller one; a number beside a quantity counts as one.
func larger(a, b operand) operand  { return chosen(a, b, 1) }
func smaller(a, b operand) operand { return chosen(a, b, -1) }

// chosen takes b where it compares to a as the sign says, else a.
func chosen(a, b operand, sign int) operand {
	if bothNumbers(a, b) {
		if b.number.Cmp(a.number) == sign {
			return b
		}
		return a
	}
	return combined(a, b, func(x, y amount) amount {
		if y.milli.Cmp(x.milli) == sign {
			x, y = y, x
		}
		return amount{milli: x.milli, family: x.or(y)}
	})
}

func combined(a, b operand, combine func(x, y amount) amount) operand {
	left, right := a.asQuantity(), b.asQuantity()
	return operand{quantity: func(variable amount) amount { return combine(left(variable), right(variable)) }}
}
