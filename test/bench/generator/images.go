package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

type image struct {
	tag      string
	blobs    [][]byte
	digests  []string
	manifest []byte
}

// smallImage has a configuration and three layers, four blobs in all, that no other nonce has.
func smallImage(nonce uint64, size int64) image {
	made := image{tag: fmt.Sprintf("t%d", nonce)}
	var parts []descriptor
	for i := uint64(0); i < 4; i++ {
		body := content{size: size, nonce: nonce<<2 | i}.bytes()
		made.blobs = append(made.blobs, body)
		made.digests = append(made.digests, digestOf(body))
		parts = append(parts, descriptor{layerType, made.digests[i], len(body)})
	}
	parts[0].MediaType = configType
	made.manifest, _ = json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType, "config": parts[0], "layers": parts[1:],
	})
	return made
}

func (m image) push(w *wire, repository, flow, headers string) (int64, error) {
	base := "/v2/" + repository
	total := int64(0)
	for i, body := range m.blobs {
		total += int64(len(body))
		if err := pushBlob(w, base, flow, headers, m.digests[i], body); err != nil {
			return 0, err
		}
	}
	typed := headers + "Content-Type: " + manifestType + "\r\n"
	a, err := w.want(201, "PUT", base+"/manifests/"+m.tag, typed, m.manifest)
	if err == nil && a.digest != digestOf(m.manifest) {
		err = fmt.Errorf("PUT manifest says digest %q", a.digest)
	}
	return total, err
}

// pushBlob does what docker (HEAD, POST, PATCH, PUT), containerd (HEAD, POST, PUT) or either does when it is there (HEAD).
func pushBlob(w *wire, base, flow, headers, digest string, body []byte) error {
	there := 404
	if flow == "again" {
		there = 200
	}
	if _, err := w.want(there, "HEAD", base+"/blobs/"+digest, headers, nil); err != nil || flow == "again" {
		return err
	}
	a, err := w.want(202, "POST", base+"/blobs/uploads/", headers, nil)
	if err != nil {
		return err
	}
	typed := headers + "Content-Type: application/octet-stream\r\n"
	if flow == "docker" {
		a, err = w.want(202, "PATCH", target(a.location, ""), typed, body)
		if err != nil {
			return err
		}
		body = nil
	}
	a, err = w.want(201, "PUT", target(a.location, digest), typed, body)
	if err == nil && a.digest != "" && a.digest != digest {
		err = fmt.Errorf("PUT blob says digest %q, not %q", a.digest, digest)
	}
	return err
}

func joined(headers []string) string {
	if len(headers) == 0 {
		return ""
	}
	return strings.Join(headers, "\r\n") + "\r\n"
}

// images pushes small images one after the other on every connection: new ones, or for the flow "again" one per
// connection that was pushed before the clock started.
func images(j job) (result, error) {
	headers := joined(j.Headers)
	if j.Flow != "again" {
		return run(j, func(w *wire, number int) (int64, error) {
			return smallImage(j.Nonce+uint64(number), j.Size).push(w, j.Repository, j.Flow, headers)
		})
	}
	known := make([]image, j.Connections)
	first, err := dial(j.Address)
	if err != nil {
		return result{}, err
	}
	defer first.close()
	for i := range known {
		known[i] = smallImage(j.Nonce+uint64(i), j.Size)
		if _, err := known[i].push(first, j.Repository, "single", headers); err != nil {
			return result{}, err
		}
	}
	return run(j, func(w *wire, number int) (int64, error) {
		return known[number%len(known)].push(w, j.Repository, j.Flow, headers)
	})
}
