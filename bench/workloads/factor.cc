// Continued fraction method (Morrison and Brillhart 1975) on bignums that are malloc'ed afresh by
// every operation: expands sqrt(kN) and keeps the convergents whose residues split over a small
// factor base. Very many tiny blocks, most of them dead after one step.
#include <vector>

#include "workload.h"

namespace {

// Little-endian base 2^32; a value is never changed once made.
struct Number {
  std::uint32_t length;
  std::uint32_t digits[1];
};

Number* make(std::size_t length) {
  auto* number = static_cast<Number*>(
      workload::allocate(sizeof(std::uint32_t) * (length < 1 ? 2 : length + 1)));
  number->length = static_cast<std::uint32_t>(length);
  return number;
}

Number* trim(Number* number) {
  while (number->length > 0 && number->digits[number->length - 1] == 0) number->length--;
  return number;
}

Number* from(std::uint32_t value) {
  Number* number = make(1);
  number->digits[0] = value;
  return trim(number);
}

Number* copy(const Number* a) {
  Number* result = make(a->length);
  std::memcpy(result->digits, a->digits, a->length * sizeof(std::uint32_t));
  return result;
}

int compare(const Number* a, const Number* b) {
  if (a->length != b->length) return a->length < b->length ? -1 : 1;
  for (std::size_t i = a->length; i > 0; i--) {
    if (a->digits[i - 1] != b->digits[i - 1]) return a->digits[i - 1] < b->digits[i - 1] ? -1 : 1;
  }
  return 0;
}

Number* add(const Number* a, const Number* b) {
  if (a->length < b->length) return add(b, a);
  Number* result = make(a->length + 1);
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < a->length; i++) {
    carry += a->digits[i];
    if (i < b->length) carry += b->digits[i];
    result->digits[i] = static_cast<std::uint32_t>(carry);
    carry >>= 32;
  }
  result->digits[a->length] = static_cast<std::uint32_t>(carry);
  return trim(result);
}

// a - b, for a >= b.
Number* subtract(const Number* a, const Number* b) {
  Number* result = make(a->length);
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < a->length; i++) {
    const std::uint64_t take = (i < b->length ? b->digits[i] : 0) + borrow;
    borrow = a->digits[i] < take ? 1 : 0;
    result->digits[i] = static_cast<std::uint32_t>(a->digits[i] - take);
  }
  return trim(result);
}

Number* multiply(const Number* a, const Number* b) {
  Number* result = make(a->length + b->length);
  std::memset(result->digits, 0, result->length * sizeof(std::uint32_t));
  for (std::size_t i = 0; i < a->length; i++) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < b->length; j++) {
      carry += std::uint64_t{a->digits[i]} * b->digits[j] + result->digits[i + j];
      result->digits[i + j] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    result->digits[i + b->length] = static_cast<std::uint32_t>(carry);
  }
  return trim(result);
}

Number* divide_small(const Number* a, std::uint32_t divisor, std::uint32_t& remainder) {
  Number* result = make(a->length);
  std::uint64_t rest = 0;
  for (std::size_t i = a->length; i > 0; i--) {
    rest = (rest << 32) | a->digits[i - 1];
    result->digits[i - 1] = static_cast<std::uint32_t>(rest / divisor);
    rest %= divisor;
  }
  remainder = static_cast<std::uint32_t>(rest);
  return trim(result);
}

Number* shift_left(const Number* a, unsigned bits) {
  const std::size_t words = bits / 32;
  Number* result = make(a->length + words + 1);
  std::memset(result->digits, 0, result->length * sizeof(std::uint32_t));
  for (std::size_t i = 0; i < a->length; i++) {
    const std::uint64_t wide = std::uint64_t{a->digits[i]} << (bits % 32);
    result->digits[i + words] |= static_cast<std::uint32_t>(wide);
    result->digits[i + words + 1] = static_cast<std::uint32_t>(wide >> 32);
  }
  return trim(result);
}

unsigned bit_length(const Number* a) {
  if (a->length == 0) return 0;
  const auto top = static_cast<unsigned>(__builtin_clz(a->digits[a->length - 1]));
  return a->length * 32 - top;
}

// Schoolbook division, bit by bit: quotients in this method are mostly one digit.
Number* divide(const Number* a, const Number* b, Number** remainder) {
  Number* rest = copy(a);
  Number* quotient = from(0);
  while (compare(rest, b) >= 0) {
    unsigned shift = bit_length(rest) - bit_length(b);
    Number* part = shift_left(b, shift);
    if (compare(part, rest) > 0) {
      std::free(part);
      part = shift_left(b, --shift);
    }
    Number* less = subtract(rest, part);
    Number* one = from(1);
    Number* bit = shift_left(one, shift);
    Number* more = add(quotient, bit);
    std::free(part);
    std::free(rest);
    std::free(one);
    std::free(bit);
    std::free(quotient);
    rest = less;
    quotient = more;
  }
  *remainder = rest;
  return quotient;
}

Number* square_root(const Number* a) {
  Number* one = from(1);
  Number* x = shift_left(one, bit_length(a) / 2 + 1);
  std::free(one);
  for (;;) {
    Number* rest;
    Number* quotient = divide(a, x, &rest);
    Number* sum = add(x, quotient);
    std::uint32_t odd;
    Number* next = divide_small(sum, 2, odd);
    std::free(rest);
    std::free(quotient);
    std::free(sum);
    if (compare(next, x) >= 0) {
      std::free(next);
      return x;
    }
    std::free(x);
    x = next;
  }
}

Number* parse_decimal(const char* text) {
  Number* result = from(0);
  Number* ten = from(10);
  for (; *text != '\0'; text++) {
    Number* shifted = multiply(result, ten);
    Number* digit = from(static_cast<std::uint32_t>(*text - '0'));
    std::free(result);
    result = add(shifted, digit);
    std::free(shifted);
    std::free(digit);
  }
  std::free(ten);
  return result;
}

std::vector<std::uint32_t> factor_base(const Number* n, std::size_t count) {
  std::vector<std::uint32_t> base{2};
  for (std::uint32_t p = 3; base.size() < count; p += 2) {
    bool prime = true;
    for (std::uint32_t d = 3; d * d <= p && prime; d += 2) prime = p % d != 0;
    if (!prime) continue;
    std::uint32_t rest;
    std::free(divide_small(n, p, rest));
    // Only primes of which n is a square can divide a residue (Euler's criterion).
    std::uint64_t power = 1;
    std::uint64_t factor = rest;
    for (std::uint32_t e = (p - 1) / 2; e > 0; e >>= 1) {
      if ((e & 1) != 0) power = power * factor % p;
      factor = factor * factor % p;
    }
    if (power <= 1) base.push_back(p);
  }
  return base;
}

// What is left of a after division by the primes of the base.
Number* sift(const Number* a, const std::vector<std::uint32_t>& base) {
  Number* rest = copy(a);
  for (const std::uint32_t p : base) {
    for (;;) {
      std::uint32_t remainder;
      Number* quotient = divide_small(rest, p, remainder);
      if (remainder != 0) {
        std::free(quotient);
        break;
      }
      std::free(rest);
      rest = quotient;
    }
  }
  return rest;
}

std::uint64_t digest(const Number* a, std::uint64_t sum) {
  for (std::size_t i = 0; i < a->length; i++) sum = sum * 0x100000001b3U + a->digits[i];
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = workload::parse(argc, argv, {80000, 1, 1});
  Number* product = parse_decimal("175451578515498177130141801937");
  Number* multiplier = from(static_cast<std::uint32_t>(2 * arguments.seed + 1));
  Number* n = multiply(product, multiplier);
  const auto base = factor_base(n, 100);
  Number* root = square_root(n);

  // P and Q of the expansion, and the last two numerators modulo n.
  Number* p = from(0);
  Number* q = from(1);
  Number* before = from(0);
  Number* numerator = from(1);
  std::vector<Number*> kept;
  for (std::uint64_t step = 0; step < arguments.size; step++) {
    Number* sum = add(root, p);
    Number* rest;
    Number* quotient = divide(sum, q, &rest);
    Number* scaled = multiply(quotient, numerator);
    Number* next = add(scaled, before);
    Number* reduced;
    std::free(divide(next, n, &reduced));
    std::free(before);
    before = numerator;
    numerator = reduced;
    Number* next_p = subtract(root, rest);
    Number* square = multiply(next_p, next_p);
    Number* difference = subtract(n, square);
    Number* none;
    Number* next_q = divide(difference, q, &none);
    if (none->length != 0) workload::fail("the expansion went wrong");
    for (Number* dead : {sum, rest, quotient, scaled, next, p, q, square, difference, none}) {
      std::free(dead);
    }
    p = next_p;
    q = next_q;
    Number* left = sift(q, base);
    if (left->length <= 1) {
      kept.push_back(copy(numerator));
      kept.push_back(left);
    } else {
      std::free(left);
    }
  }
  std::uint64_t checksum = kept.size();
  for (Number* number : kept) {
    checksum = digest(number, checksum);
    std::free(number);
  }
  for (Number* dead : {product, multiplier, n, root, p, q, before, numerator}) std::free(dead);
  return workload::finish(checksum);
}
