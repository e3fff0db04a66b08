// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package configured

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/rest"

	"github.com/foresight-scheduler/foresight/config"
)

// refuseOwnToken returns an error where a file that others are sent holds a token of the scheduler itself: the same one, or
// another one of its ServiceAccount. What cannot be read is left to who reads it.
func refuseOwnToken(path *field.Path, file string, allowed bool, own *rest.Config) error {
	if file == "" || allowed {
		return nil
	}
	token := tokenIn(file)
	if token == "" {
		return nil
	}
	mine := own.BearerToken
	if own.BearerTokenFile != "" {
		mine = tokenIn(own.BearerTokenFile)
	}
	subject := subjectOf(token)
	if token == mine || subject != "" && subject == subjectOf(mine) {
		return config.OwnToken(path.Child("tokenFile"))
	}
	return nil
}

// mostToken is more than any token has.
const mostToken = 1 << 20

func tokenIn(path string) string {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, mostToken))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// subjectOf a token is who it is of, unverified; "" where it does not say.
func subjectOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var who struct {
		Issuer  string `json:"iss"`
		Subject string `json:"sub"`
	}
	if json.Unmarshal(claims, &who) != nil || who.Subject == "" {
		return ""
	}
	return who.Issuer + "\n" + who.Subject
}
