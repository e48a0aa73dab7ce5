// Package portal is what people of the local authority see: the last step of a record's
// way. It guarantees that every figure stands beside the time it was true, and that a
// page shows only schools and children of the authorities that the signed-in person
// belongs to. It never changes a record, and it needs no JavaScript.
//
// style.go has the stylesheet, which is built by npm and may be absent.
package portal
