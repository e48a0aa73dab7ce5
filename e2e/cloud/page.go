package cloud

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// A Row is one object of an answer.
type Row = map[string]any

// JSON answers with a value.
func JSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic("cloud: a double made something that is no JSON: " + err.Error())
	}
	answer{status: status, header: jsonHeader(), body: body}.send(w)
}

// Number is an id as a number; one that is none stays a text.
func Number(id string) any {
	if n, err := strconv.Atoi(id); err == nil {
		return n
	}
	return id
}

// OrNull is nil for an empty text.
func OrNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// Lines parts the address of a demo school.
func Lines(address string) []string {
	if address == "" {
		return nil
	}
	return strings.Split(address, ", ")
}
