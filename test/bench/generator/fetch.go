package main

import (
	"bytes"
	"fmt"
)

// request is one GET or HEAD and everything that its answer must be.
type request struct {
	Method  string   `json:"method"`
	Path    string   `json:"path"`
	Headers []string `json:"headers"`
	Status  int      `json:"status"`
	Length  int64    `json:"length"`
	Digest  string   `json:"digest"`
	Text    string   `json:"text"`
	Content bool     `json:"content"`
	Nonce   uint64   `json:"nonce"`
}

func (r request) raw(address string) []byte {
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.Path, address)
	for _, line := range r.Headers {
		raw.WriteString(line + "\r\n")
	}
	raw.WriteString("\r\n")
	return raw.Bytes()
}

func (r request) sink() sink {
	if r.Text != "" {
		text := []byte(r.Text)
		return func(offset int64, part []byte) bool {
			end := offset + int64(len(part))
			return end <= int64(len(text)) && bytes.Equal(text[offset:end], part)
		}
	}
	if r.Content {
		return content{size: r.Length, nonce: r.Nonce}.matches
	}
	return nil
}

func (r request) check(a answer) error {
	if a.status != r.Status {
		return fmt.Errorf("%s %s answered %d, not %d", r.Method, r.Path, a.status, r.Status)
	}
	if r.Length >= 0 && a.length != r.Length && r.Status != 304 {
		return fmt.Errorf("%s %s has length %d, not %d", r.Method, r.Path, a.length, r.Length)
	}
	if r.Digest != "" && a.digest != r.Digest {
		return fmt.Errorf("%s %s says digest %q, not %q", r.Method, r.Path, a.digest, r.Digest)
	}
	return nil
}

// fetch sends the requests in turn on every connection, each waiting for its answer.
func fetch(j job) (result, error) {
	raw := make([][]byte, len(j.Requests))
	sinks := make([]sink, len(j.Requests))
	for i, r := range j.Requests {
		raw[i], sinks[i] = r.raw(j.Address), r.sink()
	}
	return run(j, func(w *wire, number int) (int64, error) {
		i := number % len(raw)
		if _, err := w.conn.Write(raw[i]); err != nil {
			return 0, err
		}
		a, err := w.receive(j.Requests[i].Method == "HEAD", sinks[i])
		if err != nil {
			return 0, err
		}
		return a.length, j.Requests[i].check(a)
	})
}
