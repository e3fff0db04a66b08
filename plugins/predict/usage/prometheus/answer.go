// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"
)

// series is one of an answer.
type series struct {
	Metric map[string]string `json:"metric"`
	// Value of an instant query, Values of a range query.
	Value  *point  `json:"value"`
	Values []point `json:"values"`
	// Histograms in the place of values, of which nothing but their number counts.
	Histograms []json.RawMessage `json:"histograms"`
}

// point is a value at a time.
type point struct {
	at    time.Time
	value float64
}

// UnmarshalJSON reads [seconds, "value"].
func (p *point) UnmarshalJSON(data []byte) error {
	at, value, ok := bytes.Cut(bytes.TrimSuffix(bytes.TrimPrefix(data, []byte("[")), []byte("]")), []byte(","))
	seconds, err := strconv.ParseFloat(string(bytes.TrimSpace(at)), 64)
	// Beyond that its milliseconds are no integer of 64 bits.
	if !ok || err != nil || math.Abs(seconds) > math.MaxInt64/1000 {
		return fmt.Errorf("%.100s is no value at a time", data)
	}
	p.at = time.UnixMilli(int64(math.Round(seconds * 1000)))
	value = bytes.TrimSpace(value)
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		return fmt.Errorf("%.100s is no value at a time", data)
	}
	p.value, err = strconv.ParseFloat(string(value[1:len(value)-1]), 64)
	if errors.Is(err, strconv.ErrRange) {
		err = nil // It is infinite, which the Cleaner drops.
	}
	return err
}

// answer is all of an answer but its series.
type answer struct {
	status, errorType, message string
	resultType                 string
	warnings                   []string
}

// readAnswer hands the series of an answer to each one by one, as they come, so that an answer that is refused has cost no
// more than what came until then. each is not to keep the series or what is in it but strings; it is nil where the server
// wrote null. The error of each ends the reading. Whether the answer is that of an error is known only in the end.
func readAnswer(body io.Reader, maxSeries int, each func(*series) error) (answer, error) {
	var a answer
	d := decoder{json.NewDecoder(body)}
	count, buffer := 0, series{}
	element := func() error {
		if count++; count > maxSeries {
			return fmt.Errorf("%w: more than %d series", ErrTooLarge, maxSeries)
		}
		clear(buffer.Metric)
		buffer = series{Metric: buffer.Metric, Values: buffer.Values[:0]}
		s := &buffer
		if err := d.Decode(&s); err != nil {
			return err
		}
		return each(s)
	}
	data := func(name string) error {
		switch name {
		case "resultType":
			return d.Decode(&a.resultType)
		case "result":
			return d.array(element)
		}
		return d.skip()
	}
	err := d.object(func(name string) error {
		switch name {
		case "status":
			return d.Decode(&a.status)
		case "errorType":
			return d.Decode(&a.errorType)
		case "error":
			return d.Decode(&a.message)
		case "warnings":
			return d.Decode(&a.warnings)
		case "data":
			return d.object(data)
		}
		return d.skip()
	})
	if err != nil {
		return a, err
	}
	if _, err := d.Token(); err != io.EOF {
		return a, cmp.Or(err, errors.New("there is something behind the answer"))
	}
	return a, nil
}

// decoder reads what is too large to be read at once.
type decoder struct{ *json.Decoder }

// object calls field with the name of every field of the object that is next, which it has to read; null has none.
func (d decoder) object(field func(name string) error) error {
	return d.within('{', func() error {
		name, err := d.Token()
		if err != nil {
			return err
		}
		return field(name.(string)) // Of an object it is nothing else.
	})
}

// array calls element for every element of the array that is next, which it has to read; null has none.
func (d decoder) array(element func() error) error { return d.within('[', element) }

func (d decoder) within(begin json.Delim, element func() error) error {
	t, err := d.Token()
	if err != nil || t == nil {
		return err
	}
	if t != begin {
		return fmt.Errorf("%v where a %v should be", t, begin)
	}
	for d.More() {
		if err := element(); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

func (d decoder) skip() error {
	var skipped json.RawMessage
	return d.Decode(&skipped)
}
