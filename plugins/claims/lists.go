// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package claims

import "sync"

// Lists remembers the lists of label keys that were read, by their text: the pods of a Deployment share one, and queueing
// hints ask for it at every event. The zero value is ready, and safe for concurrent use.
type Lists struct {
	mu sync.RWMutex
	// young are the texts since old was young; so the least used of two generations go.
	young, old map[listed]list
}

type listed struct {
	key  *Key
	text string
}

// generation is how many texts are kept in each of two generations: 2 MiB of text in each, with keys of 2 KiB.
const generation = 1024

type list struct {
	keys []string
	err  error
}

// Of returns the label keys that the key lists, or otherwise where it is not there. Nobody may write to them.
func (l *Lists) Of(annotations map[string]string, key *Key, otherwise []string) ([]string, error) {
	text, stated, err := key.text(annotations)
	if err != nil {
		return nil, err
	}
	if !stated {
		return otherwise, nil
	}
	at := listed{key, text}
	l.mu.RLock()
	known, ok := l.young[at]
	l.mu.RUnlock()
	if ok {
		return known.keys, known.err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok = l.young[at]; ok {
		return known.keys, known.err
	}
	if known, ok = l.old[at]; !ok {
		known.keys, known.err = key.labelKeys(text)
	}
	if len(l.young) >= generation {
		l.old, l.young = l.young, nil
	}
	if l.young == nil {
		l.young = make(map[listed]list)
	}
	l.young[at] = known
	return known.keys, known.err
}
