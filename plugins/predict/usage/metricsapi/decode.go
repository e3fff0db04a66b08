// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package metricsapi

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	corev1 "k8s.io/api/core/v1"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded"
)

// maxItem is how many bytes of protobuf one node or pod may have. Labels of pods are in it, of which etcd bounds the size.
const maxItem = 2 << 20

// readList hands the items of a list to each one by one, as they come, so that an answer that is refused has cost no more than
// what came until then. each is not to keep the item.
//
// The generated types would be decoded from the whole answer, with the labels of every pod, and metrics-server answers all of it
// whatever limit is asked for.
func readList(body io.Reader, pods bool, each func(*item) error) error {
	r := bufio.NewReaderSize(body, 64<<10)
	if magic, err := r.Peek(len(protobufMagic)); err == nil && string(magic) == protobufMagic {
		_, _ = r.Discard(len(protobufMagic))
		return readProtobuf(r, pods, each)
	}
	return readJSON(r, each)
}

// errTooEarly is that of an answer that was cut.
var errTooEarly = fmt.Errorf("the answer ends too early: %w", io.ErrUnexpectedEOF)

func early(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTooEarly
	}
	return err
}

// jsonItem is what is read of an item in JSON.
type jsonItem struct {
	Metadata struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	Timestamp  text      `json:"timestamp"`
	Window     text      `json:"window"`
	Usage      jsonUsage `json:"usage"`
	Containers []struct {
		Name  string    `json:"name"`
		Usage jsonUsage `json:"usage"`
	} `json:"containers"`
}

// jsonUsage are the resources that are read, each nil where it is not told. A map of all would cost a third of the decoding.
type jsonUsage struct {
	CPU    *text `json:"cpu"`
	Memory *text `json:"memory"`
}

// set sets what is told.
func (u *jsonUsage) set(a *amounts) {
	if u.CPU != nil {
		a.set(string(corev1.ResourceCPU), string(*u.CPU))
	}
	if u.Memory != nil {
		a.set(string(corev1.ResourceMemory), string(*u.Memory))
	}
}

// text is a string or, as quantities may be, a number; null is empty.
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	switch {
	case bytes.Equal(data, []byte("null")):
		*t = ""
	case len(data) > 1 && data[0] == '"' && bytes.IndexByte(data, '\\') < 0 && utf8.Valid(data):
		*t = text(data[1 : len(data)-1])
	case len(data) > 0 && data[0] == '"':
		var s string
		err := json.Unmarshal(data, &s)
		*t = text(s)
		return err
	default:
		*t = text(data)
	}
	return nil
}

func readJSON(body io.Reader, each func(*item) error) error {
	d := bounded.NewDecoder(body)
	var i item
	listed := false
	element := func() error {
		var j jsonItem
		if err := d.Decode(&j); err != nil {
			return err
		}
		i.reset()
		i.namespace, i.name = j.Metadata.Namespace, j.Metadata.Name
		// A time that is none is not known, and the Cleaner drops the item, and no other.
		i.at, _ = time.Parse(time.RFC3339, string(j.Timestamp))
		i.window, _ = time.ParseDuration(string(j.Window))
		j.Usage.set(&i.node)
		for _, c := range j.Containers {
			i.containers = append(i.containers, container{name: c.Name})
			c.Usage.set(&i.containers[len(i.containers)-1].amounts)
		}
		return each(&i)
	}
	err := d.Object(func(name string) error {
		if name == "items" {
			listed = true
			return d.Array(element)
		}
		return d.Skip()
	})
	if err != nil {
		return early(err)
	}
	if !listed {
		return errors.New("the answer is no list")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return cmp.Or(err, errors.New("there is something behind the answer"))
	}
	return nil
}

// protobufMagic is what Kubernetes' protobuf begins with. An envelope follows, with the list in its field 2.
const protobufMagic = "k8s\x00"

func readProtobuf(r *bufio.Reader, pods bool, each func(*item) error) error {
	return fieldsOf(r, -1, func(field protowire.Number, length int64) error {
		switch field {
		case 2:
			return readItems(r, length, pods, each)
		case 3:
			if length > 0 {
				return errors.New("the answer is encoded in an unknown way")
			}
		}
		return discard(r, length)
	})
}

// readItems reads a list, whose field 2 are the items.
func readItems(r *bufio.Reader, length int64, pods bool, each func(*item) error) error {
	var buffer []byte
	var i item
	return fieldsOf(r, length, func(field protowire.Number, length int64) error {
		if field != 2 {
			return discard(r, length)
		}
		if length > maxItem {
			return fmt.Errorf("%w: an item of %d bytes", bounded.ErrTooLarge, length)
		}
		if int64(cap(buffer)) < length {
			buffer = make([]byte, length)
		}
		buffer = buffer[:length]
		if _, err := io.ReadFull(r, buffer); err != nil {
			return early(err)
		}
		i.reset()
		i.pod = pods
		if err := i.decode(buffer); err != nil {
			return fmt.Errorf("an item is no protobuf of %s: %w", metricsv1beta1.GroupName, err)
		}
		return each(&i)
	})
}

// fieldsOf calls each with the fields of the message of length bytes that is next in r, which it has to read; -1 is until the
// end. Messages and strings are all that lists consist of, so other fields are refused.
func fieldsOf(r *bufio.Reader, length int64, each func(field protowire.Number, length int64) error) error {
	for left := length; left != 0; {
		tag, n, err := readVarint(r)
		if length < 0 && errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return early(err)
		}
		field, kind := protowire.DecodeTag(tag)
		if kind != protowire.BytesType {
			return fmt.Errorf("the answer is no protobuf of %s: field %d of type %d", metricsv1beta1.GroupName, field, kind)
		}
		size, m, err := readVarint(r)
		if err != nil {
			return early(err)
		}
		if size > 1<<40 || length >= 0 && int64(n+m)+int64(size) > left {
			return fmt.Errorf("the answer is no protobuf of %s: a field of %d bytes", metricsv1beta1.GroupName, size)
		}
		if err := each(field, int64(size)); err != nil {
			return err
		}
		if length >= 0 {
			left -= int64(n+m) + int64(size)
		}
	}
	return nil
}

// readVarint returns a number and how many bytes it took. EOF is the error only before the first of them.
func readVarint(r *bufio.Reader) (x uint64, bytes int, err error) {
	for {
		b, err := r.ReadByte()
		if err != nil {
			if bytes > 0 {
				err = early(err)
			}
			return 0, bytes, err
		}
		if bytes == binary.MaxVarintLen64 {
			return 0, bytes, errors.New("a number is too long")
		}
		x |= uint64(b&0x7f) << (7 * bytes)
		if bytes++; b < 0x80 {
			return x, bytes, nil
		}
	}
}

func discard(r *bufio.Reader, length int64) error {
	_, err := io.CopyN(io.Discard, r, length)
	return early(err)
}

// decode reads a NodeMetrics or a PodMetrics, which differ in their field 4: the node's usage, or the pod's containers.
func (i *item) decode(b []byte) error {
	return fields(b, func(field protowire.Number, number uint64, b []byte) error {
		switch field {
		case 1:
			return fields(b, func(field protowire.Number, _ uint64, b []byte) error {
				switch field {
				case 1:
					i.name = string(b)
				case 3:
					i.namespace = string(b)
				}
				return nil
			})
		case 2:
			var seconds, nanos int64
			err := fields(b, func(field protowire.Number, number uint64, _ []byte) error {
				switch field {
				case 1:
					seconds = int64(number)
				case 2:
					nanos = int64(int32(number))
				}
				return nil
			})
			if i.at = time.Unix(seconds, nanos); len(b) == 0 || seconds <= 0 || seconds > maxUnix {
				i.at = time.Time{}
			}
			return err
		case 3:
			return fields(b, func(field protowire.Number, number uint64, _ []byte) error {
				if field == 1 {
					i.window = time.Duration(number)
				}
				return nil
			})
		case 4:
			if !i.pod {
				return i.node.decode(b)
			}
			i.containers = append(i.containers, container{})
			c := &i.containers[len(i.containers)-1]
			return fields(b, func(field protowire.Number, _ uint64, b []byte) error {
				switch field {
				case 1:
					c.name = string(b)
				case 2:
					return c.decode(b)
				}
				return nil
			})
		}
		return nil
	})
}

// decode reads an entry of a map of quantities by resource.
func (a *amounts) decode(b []byte) error {
	var name, quantity string
	err := fields(b, func(field protowire.Number, _ uint64, b []byte) error {
		switch field {
		case 1:
			name = string(b)
		case 2:
			return fields(b, func(field protowire.Number, _ uint64, b []byte) error {
				if field == 1 {
					quantity = string(b)
				}
				return nil
			})
		}
		return nil
	})
	a.set(name, quantity)
	return err
}

// fields calls each with the number of every field of a message and what is in it: a number, or bytes.
func fields(b []byte, each func(field protowire.Number, number uint64, bytes []byte) error) error {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		var number uint64
		var bytes []byte
		switch kind {
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			bytes, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(field, kind, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if err := each(field, number, bytes); err != nil {
			return err
		}
	}
	return nil
}

// maxUnix is the last second of the year 9999, the last that can be written as text.
const maxUnix = 253402300799
