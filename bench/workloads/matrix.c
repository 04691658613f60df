// The product of two square matrices: by halving the result until a tile is left, and by Strassen's seven products of
// the quarters. The numbers are small and whole, so that floats hold every sum exactly.
#include "../kernel.h"
#include "../workload.h"

#include <stdlib.h>

// Tiles, and the matrices that Strassen multiplies in the plain way, are no larger.
#define TILE 64

// Part of a matrix: its first number, and how far it is from one row to the next.
struct part {
    float *at;
    size_t stride;
};

struct product {
    size_t n;
    struct part left, right, result;
};

// result = left * right, of rows by `depth` and `depth` by columns; at most TILE columns.
static void multiply_tile(struct part result, struct part left, struct part right, size_t rows, size_t columns,
                          size_t depth) {
    for (size_t row = 0; row < rows; row++) {
        float sums[TILE] = {0};
        for (size_t k = 0; k < depth; k++) {
            float factor = left.at[row * left.stride + k];
            const float *other = right.at + k * right.stride;
            for (size_t column = 0; column < columns; column++) sums[column] += factor * other[column];
        }
        for (size_t column = 0; column < columns; column++) result.at[row * result.stride + column] = sums[column];
    }
}

// ---- By tiles ----

struct tiles {
    const struct product *product;
    size_t row, rows, column, columns;
};

static void multiply_tiles(void *arg) {
    const struct tiles *tiles = arg;
    struct tiles one = *tiles, two = *tiles;
    if (tiles->rows > TILE && tiles->rows >= tiles->columns) {
        one.rows = tiles->rows / 2;
        two.row += one.rows, two.rows -= one.rows;
    } else if (tiles->columns > TILE) {
        one.columns = tiles->columns / 2;
        two.column += one.columns, two.columns -= one.columns;
    } else {
        const struct product *product = tiles->product;
        struct part result = product->result, left = product->left, right = product->right;
        result.at += tiles->row * result.stride + tiles->column;
        left.at += tiles->row * left.stride;
        right.at += tiles->column;
        multiply_tile(result, left, right, tiles->rows, tiles->columns, product->n);
        return;
    }
    both(multiply_tiles, &one, multiply_tiles, &two);
}

static void multiply(void *arg) {
    const struct product *product = arg;
    struct tiles all = {product, 0, product->n, 0, product->n};
    multiply_tiles(&all);
}

// ---- By Strassen ----

// A factor: one quarter, or it and `sign` times another. Quarters are numbered row by row.
struct factor {
    int first, sign, second;
};

static const struct {
    struct factor left, right;
} products[7] = {
    {{0, 1, 3}, {0, 1, 3}}, {{2, 1, 3}, {0, 0, 0}},  {{0, 0, 0}, {1, -1, 3}}, {{3, 0, 0}, {2, -1, 0}},
    {{0, 1, 1}, {3, 0, 0}}, {{2, -1, 0}, {0, 1, 1}}, {{1, -1, 3}, {2, 1, 3}},
};

// What each quarter of the result has of each product.
static const int shares[4][7] = {
    {1, 0, 0, 1, -1, 0, 1}, {0, 0, 1, 0, 1, 0, 0}, {0, 1, 0, 1, 0, 0, 0}, {1, -1, 1, 0, 0, 1, 0}};

struct step {
    const struct product *product;
    float *results; // of the seven, one after the other
    int from, to;   // which of them
};

static void strassen(void *arg);

static struct part quarter(struct part whole, size_t half, int which) {
    whole.at += (size_t)(which / 2) * half * whole.stride + (size_t)(which % 2) * half;
    return whole;
}

static float *room(size_t numbers) {
    float *here = malloc(numbers * sizeof *here);
    check_that(here != NULL, "no memory");
    return here;
}

// A factor that is one quarter stays where it is.
static struct part add_up(struct part whole, size_t half, struct factor factor, float *sum) {
    struct part first = quarter(whole, half, factor.first), second = quarter(whole, half, factor.second);
    if (factor.sign == 0) return first;
    float sign = (float)factor.sign;
    for (size_t row = 0; row < half; row++)
        for (size_t column = 0; column < half; column++)
            sum[row * half + column] =
                first.at[row * first.stride + column] + sign * second.at[row * second.stride + column];
    return (struct part){sum, half};
}

static void take_steps(void *arg) {
    const struct step *step = arg;
    if (step->to - step->from > 1) {
        struct step one = *step, two = *step;
        one.to = two.from = (step->from + step->to) / 2;
        both(take_steps, &one, take_steps, &two);
        return;
    }
    const struct product *product = step->product;
    size_t half = product->n / 2, numbers = half * half;
    float *sums = room(2 * numbers);
    struct product inner = {half,
                            add_up(product->left, half, products[step->from].left, sums),
                            add_up(product->right, half, products[step->from].right, sums + numbers),
                            {step->results + (size_t)step->from * numbers, half}};
    strassen(&inner);
    free(sums);
}

static void put_together(struct part result, const float *results, size_t half, const int *share) {
    size_t numbers = half * half;
    for (size_t row = 0; row < half; row++) {
        float sums[half];
        for (size_t column = 0; column < half; column++) sums[column] = 0;
        for (int i = 0; i < 7; i++) {
            if (share[i] == 0) continue;
            const float *from = results + (size_t)i * numbers + row * half;
            float factor = (float)share[i];
            for (size_t column = 0; column < half; column++) sums[column] += factor * from[column];
        }
        for (size_t column = 0; column < half; column++) result.at[row * result.stride + column] = sums[column];
    }
}

static void strassen(void *arg) {
    const struct product *product = arg;
    size_t half = product->n / 2;
    if (product->n <= TILE) {
        multiply_tile(product->result, product->left, product->right, product->n, product->n, product->n);
        return;
    }
    struct step all = {product, room(7 * half * half), 0, 7};
    take_steps(&all);
    for (int i = 0; i < 4; i++) put_together(quarter(product->result, half, i), all.results, half, shares[i]);
    free(all.results);
}

// ---- Both ----

static void forget(void *arg) {
    struct product *product = arg;
    for (size_t i = 0; i < product->n * product->n; i++) product->result.at[i] = -1;
}

static double times_column(const struct product *product, struct part matrix, size_t row, const double *column) {
    double sum = 0;
    for (size_t k = 0; k < product->n; k++) sum += matrix.at[row * matrix.stride + k] * column[k];
    return sum;
}

// Of a column of whole numbers: the result times it is left times (right times it).
static void check(void *arg) {
    const struct product *product = arg;
    double *column = calloc(2 * product->n, sizeof *column), *right = column + product->n;
    check_that(column != NULL, "no memory");
    for (size_t k = 0; k < product->n; k++) column[k] = (double)(k * 7919 % 101) - 50;
    for (size_t k = 0; k < product->n; k++) right[k] = times_column(product, product->right, k, column);
    for (size_t row = 0; row < product->n; row++)
        check_that(times_column(product, product->result, row, column) ==
                       times_column(product, product->left, row, right),
                   "the product");
    free(column);
}

static void run(unsigned workers, unsigned long size, task_fn multiply_all) {
    size_t n = TILE;
    while (n < size) n *= 2;
    float *numbers = room(3 * n * n);
    uint32_t drawn = 1;
    for (size_t i = 0; i < 2 * n * n; i++) numbers[i] = (float)((drawn = drawn * 1664525 + 1013904223) >> 30);
    struct product product = {n, {numbers, n}, {numbers + n * n, n}, {numbers + 2 * n * n, n}};
    struct kernel kernel = {PEER_INVOKE, forget, multiply_all, check, &product};
    kernel_report(&kernel, workers);
    free(numbers);
}

static void run_tiles(unsigned workers, unsigned long size) { run(workers, size, multiply); }

static void run_strassen(unsigned workers, unsigned long size) { run(workers, size, strassen); }

const struct workload matrix = {"matmul", PEER_INVOKE, 1, run_tiles};
const struct workload strassens = {"strassen", PEER_INVOKE, 1, run_strassen};
