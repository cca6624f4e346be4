/* apply_mask for waterspout.ws: the twin in C of the pure one in _masking.py (RFC 6455, 5.3).
 *
 * Reads `payload` and the four bytes of `key` and nothing beyond them; whole words by memcpy, the tail byte by byte.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

static PyObject *
apply_mask(PyObject *module, PyObject *arguments)
{
    Py_buffer payload, key;
    if (!PyArg_ParseTuple(arguments, "y*y*:apply_mask", &payload, &key))
        return NULL;

    PyObject *masked = NULL;
    if (key.len != 4) {
        PyErr_Format(PyExc_ValueError, "a masking key has 4 bytes, not %zd", key.len);
        goto done;
    }
    masked = PyBytes_FromStringAndSize(NULL, payload.len);
    if (masked == NULL)
        goto done;

    const unsigned char *in = payload.buf;
    const unsigned char *mask = key.buf;
    unsigned char *out = (unsigned char *)PyBytes_AsString(masked);
    Py_ssize_t size = payload.len, done = 0;
    uint64_t wide, word;
    memcpy(&wide, mask, 4);
    memcpy((unsigned char *)&wide + 4, mask, 4);
    for (; size - done >= 8; done += 8) {
        memcpy(&word, in + done, 8);
        word ^= wide;
        memcpy(out + done, &word, 8);
    }
    for (; done < size; done++)
        out[done] = in[done] ^ mask[done & 3];

done:
    PyBuffer_Release(&payload);
    PyBuffer_Release(&key);
    return masked;
}

static PyMethodDef methods[] = {
    {"apply_mask", apply_mask, METH_VARARGS, "apply_mask(payload, key)\n--\n\n*payload* masked with the four bytes of *key*."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#ifdef Py_GIL_DISABLED
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "waterspout.ws._accelerated", NULL, 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC
PyInit__accelerated(void)
{
    return PyModuleDef_Init(&definition);
}
