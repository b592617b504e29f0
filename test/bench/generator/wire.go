package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// wire is one keep-alive HTTP/1.1 connection. It knows what registries send and no more.
type wire struct {
	conn    net.Conn
	buffer  []byte
	from    int
	to      int
	address string
}

type answer struct {
	status   int
	length   int64 // -1: chunked
	location string
	digest   string
}

// sink is given the body as it comes; it reports whether the bytes are the expected ones.
type sink func(offset int64, part []byte) bool

var errBody = errors.New("the body is not the expected one")

func dial(address string) (*wire, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &wire{conn: conn, buffer: make([]byte, 256<<10), address: address}, nil
}

func (w *wire) close() { _ = w.conn.Close() }

func (w *wire) fill() error {
	if w.from == w.to {
		w.from, w.to = 0, 0
	} else if w.to == len(w.buffer) {
		copy(w.buffer, w.buffer[w.from:w.to])
		w.from, w.to = 0, w.to-w.from
	}
	if w.to == len(w.buffer) {
		return errors.New("a header is larger than the buffer")
	}
	n, err := w.conn.Read(w.buffer[w.to:])
	w.to += n
	if n > 0 {
		return nil
	}
	return err
}

// line returns the next line without its end; it is valid until the next read.
func (w *wire) line() ([]byte, error) {
	for {
		if at := bytes.IndexByte(w.buffer[w.from:w.to], '\n'); at >= 0 {
			line := w.buffer[w.from : w.from+at]
			w.from += at + 1
			if at > 0 && line[at-1] == '\r' {
				line = line[:at-1]
			}
			return line, nil
		}
		if err := w.fill(); err != nil {
			return nil, err
		}
	}
}

func header(line []byte, name string) (value []byte, ok bool) {
	if len(line) <= len(name) || line[len(name)] != ':' || !strings.EqualFold(string(line[:len(name)]), name) {
		return nil, false
	}
	return bytes.TrimSpace(line[len(name)+1:]), true
}

// receive reads one answer. `bare` says that no body follows whatever the headers announce (HEAD).
func (w *wire) receive(bare bool, body sink) (answer, error) {
	a := answer{}
	line, err := w.line()
	if err != nil {
		return a, err
	}
	if len(line) < 12 || line[0] != 'H' {
		return a, fmt.Errorf("not an HTTP answer: %.40q", line)
	}
	a.status = int(line[9]-'0')*100 + int(line[10]-'0')*10 + int(line[11]-'0')
	chunked := false
	for {
		line, err = w.line()
		if err != nil {
			return a, err
		}
		if len(line) == 0 {
			break
		}
		switch line[0] | 0x20 {
		case 'c':
			if value, ok := header(line, "content-length"); ok {
				a.length, err = strconv.ParseInt(string(value), 10, 64)
				if err != nil {
					return a, err
				}
			}
		case 't':
			if value, ok := header(line, "transfer-encoding"); ok {
				chunked = string(value) == "chunked"
			}
		case 'l':
			if value, ok := header(line, "location"); ok {
				a.location = string(value)
			}
		case 'd':
			if value, ok := header(line, "docker-content-digest"); ok {
				a.digest = string(value)
			}
		}
	}
	if bare || a.status == 304 || a.status == 204 {
		return a, nil
	}
	if chunked {
		a.length = -1
		return a, w.chunks(body)
	}
	return a, w.body(0, a.length, body)
}

func (w *wire) body(offset int64, length int64, body sink) error {
	good := true
	for left := length; left > 0; {
		if w.from == w.to {
			if err := w.fill(); err != nil {
				return err
			}
		}
		take := int64(w.to - w.from)
		if take > left {
			take = left
		}
		if body != nil && !body(offset, w.buffer[w.from:w.from+int(take)]) {
			good = false
		}
		w.from += int(take)
		offset += take
		left -= take
	}
	if !good {
		return errBody
	}
	return nil
}

func (w *wire) chunks(body sink) error {
	var offset int64
	for {
		line, err := w.line()
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(line), 16, 64)
		if err != nil {
			return err
		}
		if err := w.body(offset, size, body); err != nil {
			return err
		}
		offset += size
		if _, err := w.line(); err != nil {
			return err
		}
		if size == 0 {
			return nil
		}
	}
}

// send writes a request with a body held in memory and reads the answer.
func (w *wire) send(method, path string, headers string, body []byte) (answer, error) {
	length := ""
	if method != "GET" && method != "HEAD" {
		length = "Content-Length: " + strconv.Itoa(len(body)) + "\r\n"
	}
	head := method + " " + path + " HTTP/1.1\r\nHost: " + w.address + "\r\n" + headers + length + "\r\n"
	parts := net.Buffers{[]byte(head)}
	if len(body) > 0 {
		parts = append(parts, body)
	}
	if _, err := parts.WriteTo(w.conn); err != nil {
		return answer{}, err
	}
	return w.receive(method == "HEAD", nil)
}

// want sends a request and complains about any other status.
func (w *wire) want(status int, method, path string, headers string, body []byte) (answer, error) {
	a, err := w.send(method, path, headers, body)
	if err == nil && a.status != status {
		err = fmt.Errorf("%s %s answered %d, not %d", method, path, a.status, status)
	}
	return a, err
}

// target turns a Location, absolute or not, into what goes into the next request line, with the digest added.
func target(location, digest string) string {
	if at := strings.Index(location, "://"); at >= 0 {
		location = location[at+3:]
		location = location[strings.IndexByte(location, '/'):]
	}
	if digest == "" {
		return location
	}
	if strings.ContainsRune(location, '?') {
		return location + "&digest=" + digest
	}
	return location + "?digest=" + digest
}
