#include "textflag.h"

// The counter block of one lane: iv with the counter, big-endian, in its last two octets.
#define BLOCK(lane) \
	MOVOA X14, lane  \
	MOVL  R8, R9     \
	ROLW  $8, R9     \
	PINSRW $7, R9, lane \
	INCQ  R8

// func aesCTR(schedule *byte, rounds int, iv *[16]byte, b *byte, groups int, counter int)
TEXT ·aesCTR(SB), NOSPLIT, $0-48
	MOVQ  schedule+0(FP), AX
	MOVQ  rounds+8(FP), CX
	MOVQ  iv+16(FP), BX
	MOVQ  b+24(FP), DI
	MOVQ  groups+32(FP), DX
	MOVQ  counter+40(FP), R8
	MOVOU (BX), X14

group:
	BLOCK(X0)
	BLOCK(X1)
	BLOCK(X2)
	BLOCK(X3)
	MOVOU (AX), X8
	PXOR  X8, X0
	PXOR  X8, X1
	PXOR  X8, X2
	PXOR  X8, X3
	LEAQ  16(AX), R10
	LEAQ  -1(CX), R11

round:
	MOVOU  (R10), X8
	AESENC X8, X0
	AESENC X8, X1
	AESENC X8, X2
	AESENC X8, X3
	ADDQ   $16, R10
	DECQ   R11
	JNZ    round

	MOVOU      (R10), X8
	AESENCLAST X8, X0
	AESENCLAST X8, X1
	AESENCLAST X8, X2
	AESENCLAST X8, X3
	MOVOU      (DI), X4
	MOVOU      16(DI), X5
	MOVOU      32(DI), X6
	MOVOU      48(DI), X7
	PXOR       X0, X4
	PXOR       X1, X5
	PXOR       X2, X6
	PXOR       X3, X7
	MOVOU      X4, (DI)
	MOVOU      X5, 16(DI)
	MOVOU      X6, 32(DI)
	MOVOU      X7, 48(DI)
	ADDQ       $64, DI
	DECQ       DX
	JNZ        group
	RET

// func aesSubWord(w uint32) uint32
// All columns are the same word, so the ShiftRows in AESENCLAST moves nothing and SubBytes is left.
TEXT ·aesSubWord(SB), NOSPLIT, $0-12
	MOVL       w+0(FP), AX
	MOVL       AX, X0
	PSHUFD     $0, X0, X0
	PXOR       X1, X1
	AESENCLAST X1, X0
	MOVL       X0, AX
	MOVL       AX, ret+8(FP)
	RET
