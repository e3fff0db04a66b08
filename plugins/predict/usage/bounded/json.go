// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package bounded

import (
	"encoding/json"
	"fmt"
	"io"
)

// Decoder reads JSON that is too large to be read at once.
type Decoder struct{ *json.Decoder }

// NewDecoder returns a decoder of r.
func NewDecoder(r io.Reader) Decoder { return Decoder{json.NewDecoder(r)} }

// maxFields of an object that is read field by field.
const maxFields = 1000

// Object calls field with the name of every field of the object that is next, which it has to read; null has none.
func (d Decoder) Object(field func(name string) error) error {
	fields := 0
	return d.within('{', func() error {
		if fields++; fields > maxFields {
			return fmt.Errorf("%w: an object of more than %d fields", ErrTooLarge, maxFields)
		}
		name, err := d.Token()
		if err != nil {
			return err
		}
		return field(name.(string)) // Of an object it is nothing else.
	})
}

// Array calls element for every element of the array that is next, which it has to read; null has none.
func (d Decoder) Array(element func() error) error { return d.within('[', element) }

func (d Decoder) within(begin json.Delim, element func() error) error {
	t, err := d.Token()
	if err != nil || t == nil {
		return err
	}
	if t != begin {
		return fmt.Errorf("%.100v where a %v should be", t, begin)
	}
	for d.More() {
		if err := element(); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// Skip reads the value that is next and forgets it.
func (d Decoder) Skip() error {
	var skipped json.RawMessage
	return d.Decode(&skipped)
}
