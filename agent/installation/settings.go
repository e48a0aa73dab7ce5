package installation

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"rollbridge/agent/secret"
	"rollbridge/agent/settings"
)

// mostSettings is more than any settings file has.
const mostSettings = 1 << 20

// ErrStay says that settings were given where there are some already.
var ErrStay = errors.New("there are settings already, and they stay as they are")

// Settle makes the settings file of a data directory, which must be there: of the
// file from, unless there are settings already (then it is ErrStay), and with a
// proxy. Either may be "".
func Settle(dir, from, proxy string) error {
	path := filepath.Join(dir, settings.FileName)
	now, err := readSettings(path)
	there := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the settings: %w", err)
	}
	next := now
	if from != "" && !there {
		if next, err = readSettings(from); err != nil {
			return fmt.Errorf("read the settings that the installation was given: %w", err)
		}
	}
	if proxy != "" {
		if next, err = withProxy(next, proxy); err != nil {
			return err
		}
	}
	if !bytes.Equal(next, now) {
		if err := put(path, next); err != nil {
			return fmt.Errorf("write the settings: %w", err)
		}
	}
	if from != "" && there {
		return ErrStay
	}
	return nil
}

func readSettings(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostSettings+1))
	if err == nil && len(text) > mostSettings {
		err = fmt.Errorf("%s has more than %d bytes and is no settings file", filepath.Base(path), mostSettings)
	}
	return text, err
}

// withProxy sets uplink.proxy and leaves the rest, comments too. What the parser
// has to say may hold a value, and is not repeated.
func withProxy(text []byte, proxy string) ([]byte, error) {
	var file yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, errors.New("set the proxy: agent.yaml is no YAML: `rollbridge-agent config explain` names the line")
	}
	if file.Kind == 0 || len(file.Content) == 0 || file.Content[0].Tag == "!!null" {
		kept := text
		if len(kept) > 0 && !bytes.HasSuffix(kept, []byte("\n")) {
			kept = append(kept, '\n')
		}
		value, err := yaml.Marshal(map[string]any{"uplink": map[string]string{"proxy": proxy}})
		if err != nil {
			return nil, fmt.Errorf("set the proxy: %w", err)
		}
		return append(bytes.Clone(kept), value...), nil
	}
	uplink, err := member(file.Content[0], "uplink", yaml.MappingNode)
	if err != nil {
		return nil, err
	}
	value, err := member(uplink, "proxy", yaml.ScalarNode)
	if err != nil {
		return nil, err
	}
	if value.Value == proxy {
		return text, nil
	}
	value.Tag, value.Value, value.Style = "!!str", proxy, 0
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(&file), e.Close()); err != nil {
		return nil, fmt.Errorf("set the proxy: %w", err)
	}
	return out.Bytes(), nil
}

// member is the value of a key of a mapping, made if it is not there.
func member(of *yaml.Node, key string, kind yaml.Kind) (*yaml.Node, error) {
	if of.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("set the proxy: agent.yaml has no section where %s belongs: `rollbridge-agent config explain` names the line", key)
	}
	for i := 0; i+1 < len(of.Content); i += 2 {
		if of.Content[i].Value != key {
			continue
		}
		v := of.Content[i+1]
		if v.Kind == yaml.ScalarNode && v.Tag == "!!null" { // "uplink:" and nothing below
			v.Kind, v.Tag, v.Value = kind, "", ""
		}
		return v, nil
	}
	v := &yaml.Node{Kind: kind}
	of.Content = append(of.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, v)
	return v, nil
}

// put writes a file whole or not at all.
func put(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), secret.Temporary+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return secret.SyncDir(filepath.Dir(path))
}
